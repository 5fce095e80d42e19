//! The forwarder, between a real client and a small echo server or a real PostgreSQL.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use mayfly_testbed::Proxy;
use mayfly_testbed::proxy::Link;

use crate::eventually;

/// Sends back what it gets, and tells the test of it.
fn echo() -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.unwrap(), tell.clone());
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let _ = tell.send(buffer[..length].to_vec());
                    let _ = stream.write_all(&buffer[..length]);
                }
            });
        }
    });
    (addr, told)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text)?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Whether nothing comes for a short while. A slow machine can only make it true for longer.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let silent =
        matches!(stream.peek(&mut [0]), Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    silent
}

#[test]
fn an_open_link_passes_bytes_and_ends() {
    let (target, _told) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, b"hello").unwrap(), b"hello");
    let big = vec![7; 300_000];
    let mut writer = client.try_clone().unwrap();
    let sent = big.clone();
    let writing = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut answer = vec![0; big.len()];
    client.read_exact(&mut answer).unwrap();
    writing.join().unwrap();
    assert_eq!(answer, big);
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the end passes both ways");
    eventually("the end of the connection", || proxy.open() == 0);
    assert_eq!((proxy.accepted(), proxy.held_bytes()), (1, 0));
}

#[test]
fn a_cut_link_resets_what_is_open_and_what_comes() {
    let (target, _told) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = connect(&proxy);
    ask(&mut client, b"x").unwrap();
    proxy.cut();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(ask(&mut connect(&proxy), b"x").is_err());
    proxy.restore();
    assert_eq!(ask(&mut connect(&proxy), b"y").unwrap(), b"y");
}

#[test]
fn a_stalled_link_keeps_silent_until_restored() {
    let (target, told) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = connect(&proxy);
    ask(&mut client, b"x").unwrap();
    told.recv().unwrap();
    proxy.stall();
    client.write_all(b"late").unwrap();
    assert!(is_silent(&mut client));
    assert!(told.try_recv().is_err());
    proxy.restore();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"late");
}

#[test]
fn a_delayed_link_passes_everything_later() {
    let (target, _told) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = connect(&proxy);
    ask(&mut client, b"x").unwrap();
    let delay = Duration::from_millis(100);
    proxy.set(Link::Delayed(delay));
    let start = std::time::Instant::now();
    assert_eq!(ask(&mut client, b"slow").unwrap(), b"slow");
    // A lower bound: it holds however slow the machine is.
    assert!(start.elapsed() >= 2 * delay);
}

#[test]
fn held_requests_arrive_after_their_client_has_gone() {
    let (target, told) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = connect(&proxy);
    ask(&mut client, b"x").unwrap();
    told.recv().unwrap();
    proxy.hold_requests();
    client.write_all(b"take effect late").unwrap();
    eventually("the bytes being held", || proxy.held_bytes() == 16);
    drop(client);
    std::thread::sleep(Duration::from_millis(100));
    assert!(told.try_recv().is_err());
    assert_eq!(proxy.open(), 1);
    proxy.restore();
    assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), b"take effect late");
    eventually("the end of the connection", || proxy.open() == 0);
}

#[test]
fn a_lost_reply_is_seen_by_the_target_only() {
    let (target, told) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = connect(&proxy);
    ask(&mut client, b"x").unwrap();
    told.recv().unwrap();
    proxy.drop_replies_after(3);
    assert_eq!(ask(&mut client, b"abc").unwrap(), b"abc");
    told.recv().unwrap();
    assert!(ask(&mut client, b"lost").is_err());
    assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), b"lost");
    assert_eq!(proxy.lost_replies(), 1);
    proxy.restore();
    assert_eq!(ask(&mut connect(&proxy), b"again").unwrap(), b"again");
}

#[tokio::test]
async fn a_statement_whose_reply_is_lost_is_done_all_the_same() {
    let server = crate::start(mayfly_testbed::Flavour::Debian15);
    server.set_hba("local all postgres trust\nhost all all 127.0.0.1/32 trust\n").unwrap();
    let proxy = Proxy::start((std::net::Ipv4Addr::LOCALHOST, server.port()).into()).unwrap();
    let config = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", proxy.port());
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SELECT 1").await.unwrap();
    proxy.drop_replies_after(0);
    assert!(client.batch_execute("CREATE ROLE made").await.is_err());
    eventually("the role", || server.psql(&["-c", "SELECT 1 FROM pg_roles WHERE rolname = 'made'"]).unwrap() == "1\n");
}
