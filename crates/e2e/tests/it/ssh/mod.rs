//! The main job over SSH: `ssh alice~web01@…` lands on a real host as an account made for that session, in the right group,
//! and the host is afterwards as it was.

mod ansible;
mod bulk;
mod certificates;
mod helpers;
mod host_key;
mod leaves;
mod lifted;
mod main_job;
mod settings;
mod together;
mod trouble;

/// Runs a scenario on a host without systemd and on one with it, each as a test of its own.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod plain {
            $(#[test]
            fn $name() { super::$name(mayfly_testbed::host::Flavour::Plain); })+
        }
        mod systemd {
            $(#[test]
            fn $name() { super::$name(mayfly_testbed::host::Flavour::Systemd); })+
        }
    };
}
pub(crate) use on_both;
