//! A host against the sandbox, one scenario a file; each says in its name what must hold.

mod common;

mod admin_interface_is_as_described;
mod admission_is_exact;
mod agents_that_misbehave_harm_nobody;
mod another_platform;
mod cuts_are_survived;
mod events_and_notes_are_data;
mod every_room_gets_its_agent;
mod logs_and_traces_say_whose_they_are;
mod rest_in_trouble_is_waited_out;
mod restarts_leave_nobody_behind;
mod rules_bring_agents_and_send_them_away;
