//! pgbench: every protocol mode, eight clients at once.

use super::{Rig, on_each_server, printed, run};
use mayfly_testbed::Flavour;

on_each_server! {
    protocols => super::every_protocol_mode_with_eight_clients;
}

fn every_protocol_mode_with_eight_clients(flavour: Flavour) {
    let rig = Rig::start(flavour);
    let script = rig.file("script.sql");
    let statements = "\\set id random(1, 3)\n\
        begin;\n\
        insert into orders (customer, item, amount) values (:id, 'bench', 1.5);\n\
        select count(*) from orders where customer = :id;\n\
        select name from customers where id = :id;\n\
        commit;\n";
    std::fs::write(&script, statements).unwrap();
    let mut expected = 5;
    for mode in ["simple", "extended", "prepared"] {
        let mut pgbench = rig.ticket.tool("pgbench", "orders");
        pgbench.args(["--no-vacuum", "--client=8", "--jobs=2", "--transactions=50", "--protocol", mode, "--file"]);
        let said = printed(&run(pgbench.arg(&script)));
        assert!(said.contains("number of transactions actually processed: 400/400"), "{mode}: {said}");
        assert!(said.contains("number of failed transactions: 0"), "{mode}: {said}");
        expected += 400;
        assert_eq!(rig.directly("orders", "select count(*) from orders"), expected.to_string(), "{mode}");
    }
    // A new connection for each transaction.
    let mut pgbench = rig.ticket.tool("pgbench", "orders");
    pgbench.args(["--no-vacuum", "--connect", "--client=4", "--transactions=5", "--file"]);
    let said = printed(&run(pgbench.arg(&script)));
    assert!(said.contains("number of transactions actually processed: 20/20"), "{said}");
    rig.was_one_session();
}
