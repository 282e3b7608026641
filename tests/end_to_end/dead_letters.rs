//! Messages that nothing can be done with are kept with the reason, and can be sent back.

use squall_tests::{Place, Store, project};

#[test]
fn dead_letters_are_found_and_sent_back() {
    let place = Place::new();
    let store = Store::sqlite(&place);
    let topology = project("tests/topologies/people.yaml").display().to_string();
    let set = format!("STORE={}", store.url());
    place.write(
        "shares.jsonl",
        "{\"restaurant\":\"Nerua\",\"user\":\"ana\"}\n{\"restaurant\":\"Nerua\"}\nnot json\n",
    );
    let run = ["run", topology.as_str(), "--set", set.as_str(), "--until-idle", "--json"];
    let mut first = run.to_vec();
    first.extend(["--input", "shares=shares.jsonl"]);
    let summary = place.squall(&first).code(3).json();
    assert_eq!((&summary["acked"], &summary["dead_letters"]), (&1.into(), &2.into()), "{summary}");
    assert_eq!(store.number("SELECT COUNT(*) FROM people"), 1, "the rest went on");

    let peeked = place.squall(&["queue", "peek", "shares.dead"]).code(0).out;
    assert!(peeked.contains("not json") && peeked.contains("given up by parse"), "{peeked}");

    let redriven = place.squall(&["queue", "redrive", "shares.dead", "--json"]).code(0).json();
    assert_eq!(redriven["redriven"], 2);

    // Mended: whatever is no share is passed over, and somebody unknown is somebody, too.
    let mended = std::fs::read_to_string(&topology).unwrap();
    let mended = mended
        .replace("type: json, inputs: [shares], fields: { restaurant: string, user: string }",
                 "type: regex, inputs: [shares], pattern: '\"restaurant\":\"(?<restaurant>[^\"]*)\"(?<user>.*)', mismatch: skip, fields: { restaurant: string, user: string }");
    place.write("mended.yaml", mended);
    let mut second = run.to_vec();
    second[1] = "mended.yaml";
    let summary = place.squall(&second).code(0).json();
    assert_eq!((&summary["acked"], &summary["dead_letters"]), (&2.into(), &0.into()), "{summary}");
    assert_eq!(store.number("SELECT COUNT(*) FROM people"), 2);
}
