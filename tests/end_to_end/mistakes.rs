//! Mistakes are told before anything runs, with the place and what to do.

use squall_tests::Place;

#[test]
fn a_wrong_topology_is_not_run() {
    let place = Place::new();
    place.write(
        "wrong.yaml",
        "name: wrong\nspouts:\n  - { id: lines, type: queue, queue: lines }\nbolts:\n  \
         - { id: parse, type: jsn, inputs: [lines] }\n  - { id: show, type: print, inputs: [prase] }\n",
    );
    for command in ["validate", "run", "graph"] {
        let said = place.squall(&[command, "wrong.yaml"]).code(2);
        assert!(said.err.contains("wrong.yaml:5:"), "{command}: {}", said.err);
        assert!(said.err.contains("did you mean `json`?"), "{command}: {}", said.err);
        assert!(said.err.contains("wrong.yaml:6:"), "all mistakes at once: {}", said.err);
        assert!(said.err.contains("did you mean `parse`?"), "{command}: {}", said.err);
    }
    assert!(!place.path("squall-data").exists(), "nothing was run");
}

#[test]
fn wrong_arguments_say_what_to_do() {
    let place = Place::new();
    let said = place.squall(&["vaildate"]).code(2);
    assert!(said.err.contains("validate"), "{}", said.err);
    let said = place.squall(&["run", "nowhere.yaml"]).code(2);
    assert!(said.err.contains("nowhere.yaml"), "{}", said.err);
    let said = place.squall(&["explain", "sq0304"]).code(0);
    assert!(said.out.starts_with("SQ0304: a component type that does not exist"), "{}", said.out);
    assert!(said.out.contains("type: lins") && !said.out.contains("```"), "{}", said.out);
    let said = place.squall(&["explain"]).code(0);
    assert!(said.out.contains("SQ0101") && said.out.contains("SQ0317"), "{}", said.out);
    let said = place.squall(&["explain", "SQ9999"]).code(2);
    assert!(said.err.contains("`squall explain` lists them all"), "{}", said.err);
    let said = place.squall(&["components", "jsn"]).code(2);
    assert!(said.err.contains("json"), "{}", said.err);
}
