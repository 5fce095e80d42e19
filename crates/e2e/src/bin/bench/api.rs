//! The API at the local socket, without the time that a process of the command line takes to start.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// Asks for a path and gives back the answer's body.
pub(crate) async fn get(socket: &Path, path: &str) -> Result<String> {
    exchange(socket, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
}

/// Sends JSON to a path and gives back the answer's body.
pub(crate) async fn post(socket: &Path, path: &str, body: &str) -> Result<String> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(socket, &request).await
}

async fn exchange(socket: &Path, request: &str) -> Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "the API answered {answer}");
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer with a body")?;
    Ok(body.to_owned())
}
