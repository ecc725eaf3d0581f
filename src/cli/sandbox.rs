//! `roomtone sandbox`.

use super::{Failure, args::SandboxArgs, say};
use crate::sandbox::{Sandbox, SandboxOptions};

pub(super) async fn run(args: SandboxArgs) -> Result<(), Failure> {
    let options = SandboxOptions {
        listen: args.listen,
        token: args.token,
        webhook_secret: args.webhook_secret,
        strict: args.strict,
    };
    if !options.listen.ip().is_loopback() {
        tracing::warn!(
            "the sandbox listens beyond this machine: whoever reaches it can read its files' names and sound"
        );
    }
    let sandbox = Sandbox::start(options).await.map_err(|error| Failure::Input(error.to_string()))?;
    say(&format_args!("http://{}", sandbox.socket_address()));
    super::join::interrupted().await;
    sandbox.stop().await;
    Ok(())
}
