//! QEMU's own protocol, over its standard input and output: start, screen, end.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::failure::{Class, Classify as _, Failure, Outcome};

/// An open conversation with QEMU.
pub(super) struct Qmp<R, W> {
    from: R,
    to: W,
}

impl<R: AsyncBufRead + Unpin, W: AsyncWrite + Unpin> Qmp<R, W> {
    /// Greets QEMU.
    pub(super) async fn open(from: R, to: W) -> Outcome<Self> {
        let mut qmp = Self { from, to };
        qmp.message().await?;
        qmp.ask("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Lets the machine run that was made standing still.
    pub(super) async fn power_on(&mut self) -> Outcome {
        self.ask("cont", json!({})).await
    }

    /// Writes the screen into a PNG file.
    pub(super) async fn screenshot(&mut self, path: &Path) -> Outcome {
        self.ask("screendump", json!({ "filename": path, "format": "png" })).await
    }

    /// Asks QEMU to end.
    pub(super) async fn quit(&mut self) -> Outcome {
        self.ask("quit", json!({})).await
    }

    async fn ask(&mut self, command: &str, arguments: Value) -> Outcome {
        let tried = || format!("QEMU did not take the command `{command}`");
        let request = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.to.write_all(request.as_bytes()).await.or_fail(Class::Engine, tried)?;
        self.to.flush().await.or_fail(Class::Engine, tried)?;
        loop {
            let message = self.message().await?;
            if let Some(error) = message.get("error") {
                let said = error["desc"].as_str().unwrap_or("no reason given").to_owned();
                return Err(Failure::say(Class::Engine, format!("{}: {said}", tried())));
            }
            // What is neither is an event, of no interest here.
            if message.get("return").is_some() {
                return Ok(());
            }
        }
    }

    async fn message(&mut self) -> Outcome<Value> {
        let tried = || "QEMU stopped talking".to_owned();
        let mut line = String::new();
        let read = self.from.read_line(&mut line).await.or_fail(Class::Engine, tried)?;
        if read == 0 {
            return Err(Failure::say(Class::Engine, tried()));
        }
        serde_json::from_str(&line)
            .or_fail(Class::Engine, || format!("QEMU said `{}`", line.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_are_passed_over_and_errors_are_told() {
        let qemu = concat!(
            "{\"QMP\": {}}\r\n{\"return\": {}}\r\n",
            "{\"event\": \"RESUME\"}\r\n{\"return\": {}}\r\n",
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such folder\"}}\r\n",
        );
        let mut sent = Vec::new();
        let mut qmp = Qmp::open(qemu.as_bytes(), &mut sent).await.expect("a greeting");
        qmp.power_on().await.expect("an answer");
        let failure = qmp.screenshot(Path::new("/none/a.png")).await.expect_err("an error");
        assert_eq!(
            failure.to_string(),
            "error: QEMU did not take the command `screendump`: no such folder"
        );
        assert!(qmp.quit().await.is_err(), "nobody answers any more");
        let sent = String::from_utf8(sent).expect("text");
        let names: Vec<Value> =
            sent.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let names: Vec<_> = names.iter().map(|sent| sent["execute"].clone()).collect();
        assert_eq!(names, ["qmp_capabilities", "cont", "screendump", "quit"]);
    }
}
