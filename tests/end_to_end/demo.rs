//! The first thing that a new user runs.

use squall_tests::Place;

#[test]
fn the_demo_agrees_with_its_generator() {
    let place = Place::new();
    let said = place.squall(&["demo", "--seconds", "3", "--rate", "3000"]).code(0);
    assert!(said.out.contains("agree") || said.err.contains("agree"), "{}{}", said.out, said.err);
}
