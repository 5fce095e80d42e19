//! A large COPY in and out, byte for byte.

use super::{Rig, on_each_server, printed, run, text};
use mayfly_testbed::Flavour;
use std::fmt::Write as _;
use std::path::Path;

/// The least that is copied each way, in bytes.
const SIZE: usize = 50_000_000;

on_each_server! {
    bulk => super::fifty_megabytes_come_back_as_they_went;
}

fn fifty_megabytes_come_back_as_they_went(flavour: Flavour) {
    let rig = Rig::start(flavour);
    rig.directly(
        "orders",
        "create unlogged table bulk (id bigint, body text); grant select, insert on bulk to readwrite",
    );
    let (input, output) = (rig.file("in.tsv"), rig.file("out.tsv"));
    let rows = rows();
    std::fs::write(&input, &rows).unwrap();
    let script = format!("\\copy bulk from '{}'", text(&input));
    printed(&run(rig.ticket.tool("psql", "orders").args(["-X", "-v", "ON_ERROR_STOP=1", "-c", &script])));
    let script = format!("\\copy (select * from bulk order by id) to '{}'", text(&output));
    printed(&run(rig.ticket.tool("psql", "orders").args(["-X", "-v", "ON_ERROR_STOP=1", "-c", &script])));
    same(&output, &rows, "through us");
    // Seen without us, it is the same too.
    printed(&run(rig.direct_tool("psql", "orders").args(["-X", "-v", "ON_ERROR_STOP=1", "-c", &script])));
    same(&output, &rows, "without us");
    // A result that nobody reads to its end: the client leaves in the middle, and the backend does too.
    let mut psql = rig.ticket.tool("psql", "orders");
    psql.args(["-X", "-c", "copy (select repeat('x', 100000) from generate_series(1, 100000)) to stdout"]);
    let mut child = psql.stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 1_000_000]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    rig.sessions("true", 0);
}

fn same(file: &Path, rows: &str, how: &str) {
    let found = std::fs::read(file).unwrap();
    let first = found.iter().zip(rows.as_bytes()).position(|(found, row)| found != row);
    assert_eq!((first, found.len()), (None, rows.len()), "where the first other byte is, and the length, {how}");
}

/// Rows of many lengths, so that their boundaries fall everywhere.
fn rows() -> String {
    let mut rows = String::with_capacity(SIZE + 100_000);
    let mut number: u64 = 0;
    while rows.len() < SIZE {
        // A row in a thousand is longer than a TLS record.
        let times = if number % 1000 == 999 { 2_000 } else { number % 37 };
        let _ = write!(rows, "{number}\t");
        for time in 0..times {
            let _ = write!(
                rows,
                "{:016x}",
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(u32::try_from(time % 64).unwrap())
            );
        }
        rows.push('\n');
        number += 1;
    }
    rows
}
