//! psycopg2, the usual driver of Python, over Debian's libpq.

use super::{Rig, on_each_server, printed};
use mayfly_testbed::Flavour;

on_each_server! {
    driver => super::does_what_programs_do;
}

fn does_what_programs_do(flavour: Flavour) {
    let rig = Rig::start(flavour);
    let said = printed(&rig.python(include_str!("psycopg2.py"), "orders"));
    assert_eq!(said, "parameters\ntransactions\ncopy\nlisten\ncursor\ncancel\nasync\nlarge object\nnotices\n");
    rig.was_one_session();
    let items = rig.directly("orders", "select string_agg(item, ',' order by item) from orders where id > 5");
    assert_eq!(items, "it's a \"test\"; --,kept");
}
