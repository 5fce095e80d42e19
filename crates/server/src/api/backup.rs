//! A backup of the store while the server runs, sealed, as one stream.

use super::Api;
use super::administrator::{Administrator, LocalSocket};
use super::problem::Refusal;
use crate::backup::{self, BackupError, Snapshot};
use crate::context::Context;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::status::{BACKUP_ABOUT, BackupAbout};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Pieces of the stream that wait for the caller.
const PIECES_WAITING: usize = 4;

/// Give out a backup of the store, sealed by the installation's key, which is not in it
///
/// The header `mayfly-backup` says what is in it, as JSON.
#[utoipa::path(
    post,
    path = paths::BACKUP,
    tag = "server",
    responses((status = OK, body = Vec<u8>, content_type = "application/octet-stream")),
    security(("socket" = [])),
)]
pub(super) async fn backup(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
) -> Result<Response, Refusal> {
    let context = Arc::clone(&api.context);
    let busy = |_| Refusal::new(Code::Busy, "another backup is being made: wait for its end");
    let place = Arc::clone(&context.backups).try_acquire_owned().map_err(busy)?;
    if !context.store.observing() {
        context.record(vec![context.event(EventKind::BackupMade, by.by())]).await?;
    }
    let data = api.data_directory.clone();
    let copied = data.clone();
    let snapshot = tokio::task::spawn_blocking(move || backup::snapshot(&copied)).await;
    let panicked = |_| BackupError::Broken("copying the store panicked".to_owned());
    let snapshot = snapshot.map_err(panicked).and_then(|made| made).map_err(|error| {
        tracing::error!(%error, "A backup could not be made");
        Refusal::new(Code::Server, format!("the backup could not be made: {error}"))
    })?;
    let about = about(&context, &snapshot);
    let header = serde_json::to_string(&about).ok().and_then(|text| HeaderValue::from_str(&text).ok());
    let body = stream(context, data, snapshot, about, place);
    let mut response = ([(CONTENT_TYPE, "application/octet-stream")], body).into_response();
    if let Some(header) = header {
        response.headers_mut().insert(BACKUP_ABOUT, header);
    }
    Ok(response)
}

fn about(context: &Context, snapshot: &Snapshot) -> BackupAbout {
    let contents = &snapshot.contents;
    BackupAbout {
        installation: contents.installation.to_string(),
        made: context.clock.wall().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: contents.schema,
        epoch: contents.epoch,
        entries: contents.entries,
        sessions: contents.sessions,
        changes: contents.changes,
        key: context.vault.fingerprint().to_string(),
    }
}

/// Packs in a thread of its own, no faster than the caller reads.
fn stream(
    context: Arc<Context>,
    data: PathBuf,
    snapshot: Snapshot,
    about: BackupAbout,
    place: OwnedSemaphorePermit,
) -> Body {
    let (to, from) = mpsc::channel(PIECES_WAITING);
    let tasks = context.tasks.clone();
    tasks.spawn("backup", async move {
        let packing = to.clone();
        let packed =
            tokio::task::spawn_blocking(move || backup::pack(&data, snapshot, &about, &context.vault, Pieces(packing)));
        if let Ok(Err(error)) = packed.await {
            tracing::error!(%error, "A backup was not finished");
            // Breaks the stream off, so that what has arrived is not taken for whole.
            drop(to.send(Err(io::Error::other("the backup was not finished"))).await);
        }
        drop(place);
    });
    Body::from_stream(stream::unfold(from, |mut from| async { from.recv().await.map(|piece| (piece, from)) }))
}

/// Hands what is written on, piece by piece.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "whoever asked for it is gone");
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map(|()| bytes.len()).map_err(gone)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
