//! Scenarios against the sandbox, one a file; each says in its name what must hold. Sockets bind port 0, time is real.

mod common;

mod agents_hear_each_other_only_if_they_want;
mod backgrounds_sound_beside_voices;
mod bursts_are_heard_whole;
mod crash_rules_are_the_media_engines;
mod cut_links_come_back;
mod demo_leaves_a_report;
mod echoes_are_exact;
mod endings_are_honest;
mod every_way_out_leaves_the_room;
mod faults_do_what_they_say;
mod interrupts_fade_and_are_counted;
mod manual_subscriptions_are_obeyed;
mod notifications_may_be_lost_doubled_reversed;
mod opus_voices_sound_alike;
mod program_says_what_is_wrong;
mod proxies_are_used;
mod rest_client_speaks_to_the_sandbox;
mod rooms_by_tls;
mod still_pictures_are_paced;
mod strange_messages_do_no_harm;
mod strange_rooms_make_nobody_deaf;
mod tokens_are_renewed;
mod webhooks_are_delivered;
