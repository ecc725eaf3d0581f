use super::*;

#[test]
fn taking_leave_is_what_stands_at_the_end() {
    let shared = Shared::new(&Options::default()).unwrap();
    for (text, is_goodbye) in [
        ("Thank you. Good-bye!", true),
        ("Thank you, goodbye.", true),
        ("Bye bye", true),
        ("Bye the way, who are you?", false),
        ("", false),
    ] {
        assert_eq!(shared.is_goodbye(text), is_goodbye, "{text}");
    }
}
