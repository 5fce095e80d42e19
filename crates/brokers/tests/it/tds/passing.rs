//! What passes as it comes: attentions, resets, bulk copies, requests to the manager of transactions, several results at once.

use mayfly_brokers::tds::Outcome;
use mayfly_protocol::tds::{
    Encryption, TdsVersion,
    frame::{PacketType, Packets, SMP_ID, Status},
    login::Login,
    token::{DoneStatus, EnvChange, Token},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    gateway::{Gateway, Target},
    hostile_target::{ack, answer, before, greeting},
    programs::node,
    raw::{Raw, login, packets},
};
use crate::{
    door::{SECRET, USER},
    gateway::eventually,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_is_given_up_and_a_session_reset_by_a_real_client() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let script = "
for (const encrypt of [true, 'strict']) {
  const { run, connection } = await open({ encrypt });
  const waiting = run(\"WAITFOR DELAY '00:10:00'\").catch(error => error.code);
  setTimeout(() => connection.cancel(), 50);
  show(await waiting);
  await run('USE other');
  await new Promise((resolve, reject) => connection.reset(error => error ? reject(error) : resolve()));
  show(await run('SELECT DB_NAME()'));
  connection.close();
}
";
    assert_eq!(node(&gateway, script).await, "\"ECANCEL\"\n[[\"orders\"]]\n".repeat(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attention_and_reset_reach_the_target() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut client = Raw::ready(&gateway).await;
    client.batch("WAITFOR DELAY '00:10:00'").await;
    let running = "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE status = 'running' AND is_user_process = 1";
    eventually("the statement to run", || target.server.admin("master", running).unwrap() == [["1"]]).await;
    client.stream.write_all(&packets(PacketType::Attention, b"")).await.unwrap();
    client.tokens().await;
    let tokens = client.tokens().await;
    assert!(
        matches!(tokens.last(), Some(Token::Done(done)) if done.status.contains(DoneStatus::ATTENTION)),
        "{tokens:?}"
    );
    client.batch("USE other").await;
    client.tokens().await;
    client.batch_with("SELECT DB_NAME()", Status::RESET).await;
    let tokens = client.tokens().await;
    assert_eq!(tokens[0], Token::EnvChange(EnvChange::Reset));
    assert!(format!("{tokens:?}").contains("orders"), "{tokens:?}");
}

/// Bytes that the broker has no business with arrive as they were sent, in both directions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_copies_and_requests_about_transactions_arrive_as_they_were_sent() {
    let said = packets(PacketType::Result, &[0xfd; 20]);
    let lines = vec![greeting(Encryption::NotSupported, false), answer(ack(TdsVersion::V7_4)), said.clone()];
    let (gateway, heard) = before(lines).await;
    let mut client = Raw::connect(&gateway, false).await;
    client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
    client.tokens().await;
    let before = heard.lock().await.len();
    let mut bulk = Vec::new();
    Packets { packet_len: 512, ..Packets::of(PacketType::Bulk) }.encode(&[0x81; 3000], &mut bulk);
    let sent = [bulk, packets(PacketType::Transaction, &[5; 40]), packets(PacketType::Rpc, &[1; 9])].concat();
    client.stream.write_all(&sent).await.unwrap();
    let mut got = vec![0; said.len()];
    client.stream.read_exact(&mut got).await.unwrap();
    assert_eq!(got, said);
    crate::gateway::eventually("all bytes to arrive", || {
        heard.try_lock().is_ok_and(|heard| heard.len() == before + sent.len())
    })
    .await;
    assert_eq!(heard.lock().await[before..], sent);
}

/// MARS is agreed on both sides or not at all; its wraps pass as they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_results_at_once_are_agreed_with_the_target() {
    let wrap = |number: u8, body: &[u8]| {
        let length = u32::try_from(16 + body.len()).unwrap().to_le_bytes();
        [&[SMP_ID, 8, 0, 0][..], &length, &[number, 0, 0, 0, 4, 0, 0, 0], body].concat()
    };
    let open = [&[SMP_ID, 1, 0, 0][..], &16u32.to_le_bytes(), &[0; 8]].concat();
    let said = wrap(1, &packets(PacketType::Result, &[0xfd; 13]));
    let lines = vec![greeting(Encryption::NotSupported, true), answer(ack(TdsVersion::V7_4)), said.clone()];
    let (gateway, heard) = before(lines).await;
    let mut client = Raw::connect(&gateway, true).await;
    client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
    client.tokens().await;
    let before_it = heard.lock().await.len();
    let sent = [open, wrap(1, &packets(PacketType::Batch, b"\x04\0\0\0"))].concat();
    client.stream.write_all(&sent).await.unwrap();
    let mut got = vec![0; said.len()];
    client.stream.read_exact(&mut got).await.unwrap();
    assert_eq!((got, heard.lock().await[before_it..].to_vec()), (said, sent));
    // There is no place for a word of ours between wraps: a cut is an end.
    gateway.door.cut(mayfly_domain::EndReason::Terminated);
    assert!(super::raw::rest(&mut client.stream).await.is_empty());
    assert!(matches!(gateway.outcome().await, Outcome::Cut(_)));

    let (gateway, _) = before(vec![greeting(Encryption::NotSupported, false)]).await;
    let mut client = Raw::connect(&gateway, true).await;
    client.stream.write_all(&login(&Login::new(TdsVersion::V7_4, USER, SECRET))).await.unwrap();
    assert!(client.error().await.text.contains("switch MARS off"));
    assert_eq!(gateway.outcome().await, Outcome::TargetRefused("mars".to_owned()));
}
