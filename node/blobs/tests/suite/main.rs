//! Uploads, reads and removals as a caller sees them, over a directory and over a real server of S3.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

mod cases;
mod crash;
mod damage;
mod elsewhere;
mod far;
mod ground;
mod model;
mod place;
mod seaweed;

use std::path::Path;

use ground::Ground;

/// One test over a directory for each case, and one over S3 for all: the server starts once, and ends
/// with the test.
macro_rules! over_both {
    ($($case:path => $name:ident),+ $(,)?) => {
        mod directory {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    $case(&super::Ground::directory()).await;
                }
            )+
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn the_same_over_s3() {
            let server = place::server();
            $(
                println!(stringify!($name));
                $case(&Ground::s3(place::place(&server, stringify!($name)))).await;
            )+
        }
    };
}

over_both! {
    crate::cases::every_size_comes_back => every_size_comes_back,
    crate::cases::ranges_are_slices => ranges_are_slices,
    crate::cases::uploads_outlive_a_restart => uploads_outlive_a_restart,
    crate::cases::what_is_missing_is_named => what_is_missing_is_named,
    crate::cases::checksums_are_checked => checksums_are_checked,
    crate::cases::parts_come_at_once => parts_come_at_once,
    crate::cases::equal_content_is_kept_once => equal_content_is_kept_once,
    crate::cases::pins_hold_against_removal => pins_hold_against_removal,
    crate::cases::sweeps_find_what_nobody_knows => sweeps_find_what_nobody_knows,
    crate::cases::removals_and_returns_do_not_race => removals_and_returns_do_not_race,
    crate::cases::uploads_expire => uploads_expire,
    crate::cases::a_place_has_one_owner => a_place_has_one_owner,
    crate::cases::bounds_hold => bounds_hold,
    crate::cases::nothing_is_in_the_clear => nothing_is_in_the_clear,
    crate::model::uploads_are_as_in_the_model => uploads_are_as_in_the_model,
    crate::damage::damage_is_seen => damage_is_seen,
    crate::far::far_blobs_become_ours => far_blobs_become_ours,
}

/// The target directory of this build, wherever `CARGO_TARGET_DIR` put it.
fn target_directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp lies in target")
}
