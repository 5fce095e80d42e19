//! Sessions of every kind on real servers of two versions, with the least-privilege administrator. After each, the catalogues
//! of every database are what they were.

mod ends;
mod ephemeral;
mod existing;
mod leftovers;
mod mysql;

/// Runs a scenario on both versions, each as a test of its own.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_15 {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(mayfly_testbed::Flavour::Debian15).await; })+
        }
        mod on_newer {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(mayfly_testbed::Flavour::Newer).await; })+
        }
    };
}
pub(crate) use on_both;
