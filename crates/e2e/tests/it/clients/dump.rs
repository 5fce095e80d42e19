//! `pg_dump` of a real schema is the same through us as without us.

use super::{Rig, printed, run};
use mayfly_testbed::Flavour;

/// More than the fixtures have: views, functions, types, triggers, partitions, large rows, comments, a larger table.
const SCHEMA: &str = "
    create schema shop;
    create type shop.state as enum ('open', 'paid', 'sent');
    create domain shop.positive as int check (value > 0);
    create table shop.lines (id bigint generated always as identity primary key, state shop.state not null default 'open',
        number shop.positive, body text, blob bytea, extra jsonb, made timestamptz default '2026-01-01 00:00:00+00');
    create table shop.years (made date not null, what text) partition by range (made);
    create table shop.years_2025 partition of shop.years for values from ('2025-01-01') to ('2026-01-01');
    create table shop.years_2026 partition of shop.years for values from ('2026-01-01') to ('2027-01-01');
    create index on shop.lines using gin (extra);
    create function shop.total(person bigint) returns numeric language sql stable as
        $$ select coalesce(sum(amount), 0) from public.orders where customer = person $$;
    create function shop.touch() returns trigger language plpgsql as $$ begin new.made := now(); return new; end $$;
    create trigger touched before update on shop.lines for each row execute function shop.touch();
    create view shop.spent as select c.name, shop.total(c.id) as spent from public.customers c;
    create materialized view shop.counted as select customer, count(*) from public.orders group by customer;
    comment on table shop.lines is 'it''s a \"comment\" ✓';
    insert into shop.lines (state, number, body, blob, extra)
        select (array['open', 'paid', 'sent'])[n % 3 + 1]::shop.state, n, repeat(md5(n::text), n % 40), decode(md5(n::text), 'hex'),
            jsonb_build_object('n', n, 'text', E'tab\\tline\\nbackslash\\\\') from generate_series(1, 20000) n;
    insert into shop.lines (body) values (repeat('long ', 400000));
    insert into shop.years select '2025-06-01'::date + n, 'day ' || n from generate_series(1, 400) n;
    grant usage on schema shop to readwrite;
    grant select on all tables in schema shop to readwrite;
    grant select on all sequences in schema shop to readwrite;
    grant select on all sequences in schema public to readwrite;";

/// Debian's `pg_dump` is as old as its server and refuses newer ones, so only the older one can be dumped.
#[test]
fn a_dump_through_us_equals_a_direct_one() {
    let rig = Rig::start(Flavour::Debian15);
    rig.directly("orders", SCHEMA);
    for arguments in [&["--format=plain"][..], &["--format=plain", "--inserts", "--rows-per-insert=100"]] {
        let through = printed(&run(rig.ticket.tool("pg_dump", "orders").args(arguments)));
        let direct = printed(&run(rig.direct_tool("pg_dump", "orders").args(arguments)));
        assert!(through.len() > 10_000_000, "{} bytes", through.len());
        let same = without_keys(&through) == without_keys(&direct);
        assert!(same, "the dumps differ: {} and {} bytes", through.len(), direct.len());
    }
    // Several connections at once, which share one snapshot.
    let folder = rig.file("dump");
    let arguments = ["--format=directory", "--jobs=4", "--compress=0", "--file"];
    printed(&run(rig.ticket.tool("pg_dump", "orders").args(arguments).arg(&folder)));
    let restored = printed(&run(rig.direct_tool("pg_restore", "orders").args(["--file=-"]).arg(&folder)));
    let direct = printed(&run(rig.direct_tool("pg_dump", "orders").arg("--format=plain")));
    assert_eq!(statements(&restored), statements(&direct));
    rig.was_one_session();
}

/// A dump carries a random key since 15.14 (CVE-2025-8714).
fn without_keys(dump: &str) -> Vec<&str> {
    dump.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).collect()
}

/// How many lines that are no comments there are: the data of a parallel dump comes in another order.
fn statements(dump: &str) -> usize {
    without_keys(dump).iter().filter(|line| !line.starts_with("--") && !line.is_empty()).count()
}
