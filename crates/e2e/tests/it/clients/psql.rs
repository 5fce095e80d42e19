//! psql: meta commands, `\copy`, cancelling with Ctrl-C, errors, databases.

use super::{LIMIT, Rig, complained, on_each_server, printed, run, run_with, text};
use mayfly_e2e::wait;
use mayfly_testbed::Flavour;

on_each_server! {
    meta_commands => super::shows_the_same_as_without_us;
    copies => super::copies_both_ways;
    interrupted => super::a_query_is_cancelled_and_the_session_goes_on;
    databases => super::databases_and_errors;
}

fn shows_the_same_as_without_us(flavour: Flavour) {
    let rig = Rig::start(flavour);
    // Psql 15 asks a newer server for a column of `\l` that it no longer has.
    let list = if flavour == Flavour::Debian15 { "\\l+" } else { "\\db" };
    for meta in [
        list,
        "\\dt",
        "\\d orders",
        "\\d+ customers",
        "\\dn",
        "\\df",
        "\\dT",
        "\\dp",
        "\\encoding",
        "\\dconfig work_mem",
    ] {
        let arguments = ["-X", "-v", "ON_ERROR_STOP=1", "-c", meta];
        let through = run(rig.ticket.tool("psql", "orders").args(arguments));
        let direct = run(rig.direct_tool("psql", "orders").args(arguments));
        assert_eq!(printed(&through), printed(&direct), "{meta}");
    }
    let mut psql = rig.ticket.tool("psql", "orders");
    let script = "\\conninfo\nselect current_database();\n\\c billing\nselect current_database();\n\
                  select count(*) as invoices from invoices \\gset\n\\echo :invoices\nselect 1 \\; select 2;\n";
    let said = printed(&run_with(psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"]), script));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].contains("alice~orders"), "{said}");
    assert!(said.contains("\norders\n") && said.contains("\nbilling\n"), "{said}");
    assert!(said.ends_with("3\n1\n2\n"), "{said}");
    rig.was_one_session();
}

fn copies_both_ways(flavour: Flavour) {
    let rig = Rig::start(flavour);
    let (first, second) = (rig.file("in.csv"), rig.file("out.csv"));
    std::fs::write(&first, "name\nbarbara\n\"quoted, \"\"name\"\"\"\nnäme ✓\n").unwrap();
    let (from, to) = (text(&first), text(&second));
    let script = format!(
        "\\copy customers (name) from '{from}' csv header\n\
         \\copy (select name from customers where id > 3 order by id) to '{to}' csv header\n\
         copy customers (name) from stdin;\nfrom standard input\n\\.\n\
         copy (select name from customers where id > 6) to stdout;\n"
    );
    let mut psql = rig.ticket.tool("psql", "orders");
    let said = printed(&run_with(psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]), &script));
    assert_eq!(said, "from standard input\n");
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    assert_eq!(rig.directly("orders", "select count(*) from customers"), "7");
}

fn a_query_is_cancelled_and_the_session_goes_on(flavour: Flavour) {
    let rig = Rig::start(flavour);
    rig.cancels_by_ctrl_c(|_| {});
    rig.was_one_session();
}

fn databases_and_errors(flavour: Flavour) {
    let rig = Rig::start(flavour);
    let asks = ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-c"];
    for default in ["", "alice~orders"] {
        let output = run(rig.ticket.tool("psql", default).args(asks).arg("select current_database()"));
        assert_eq!(printed(&output), "orders\n", "{default:?}");
    }
    let output = run(rig.ticket.tool("psql", "billing").args(asks).arg("select count(*) from invoices"));
    assert_eq!(printed(&output), "3\n");
    let said = complained(&run(rig.ticket.tool("psql", "nowhere").args(asks).arg("select 1")));
    assert!(said.contains("FATAL:  database \"nowhere\" does not exist"), "{said}");

    let said = complained(&run(rig.ticket.tool("psql", "orders").args(asks).arg("select 1/0")));
    assert!(said.contains("ERROR:  22012: division by zero"), "{said}");
    assert!(said.contains("LOCATION:  "), "all fields of the error pass: {said}");
    let said = complained(&run(rig.ticket.tool("psql", "orders").args(asks).arg("select nothing from orders")));
    assert!(said.contains("ERROR:  42703") && said.contains("LINE 1: ") && said.contains('^'), "{said}");
    let said = complained(&run(rig.ticket.tool("psql", "orders").args(asks).arg("drop table orders")));
    assert!(said.contains("ERROR:  42501: must be owner of table orders"), "{said}");

    // A parameter that the target does not know, and one that it takes, both as it would have them.
    let mut psql = rig.ticket.tool("psql", "orders");
    let output = run(psql.env("PGOPTIONS", "-c work_mem=5MB").env("PGAPPNAME", "näme").args(asks).arg("show work_mem"));
    assert_eq!(printed(&output), "5MB\n");
    let mut psql = rig.ticket.tool("psql", "orders");
    let said = complained(&run(psql.env("PGOPTIONS", "-c no_such=1").args(asks).arg("select 1")));
    assert!(said.contains("unrecognized configuration parameter \"no_such\""), "{said}");

    // An error that ends the connection comes whole, and the next connection joins the same session.
    let kill = "select pg_terminate_backend(pg_backend_pid())";
    let said = complained(&run(rig.ticket.tool("psql", "orders").args(asks).arg(kill)));
    assert!(said.contains("terminating connection due to administrator command"), "{said}");
    wait::until("another connection", LIMIT, || Ok(rig.ticket.query("select 1")? == "1")).unwrap();
    rig.was_one_session();
}
