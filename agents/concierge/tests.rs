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

#[test]
fn whoever_asks_for_a_person_is_left_to_people() {
    let options: Options = toml::from_str("hand_overs = [\"a person\", \"be quiet\"]").unwrap();
    let shared = Shared::new(&options).unwrap();
    for (text, is_hand_over) in
        [("Can I talk to a person, please?", true), ("Be quiet!", true), ("Be very quiet.", false), ("", false)]
    {
        assert_eq!(shared.is_hand_over(text), is_hand_over, "{text}");
    }
    let nothing: Options = toml::from_str("hand_overs = [\"?\"]").unwrap();
    assert!(Shared::new(&nothing).err().unwrap().to_string().contains("hand_overs"));
    assert!(!Shared::new(&Options::default()).unwrap().is_hand_over("Be quiet!"), "by itself it knows no such phrase");
}
