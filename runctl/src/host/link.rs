//! The kernel's interfaces: the only file that makes changes by netlink.

use futures_util::TryStreamExt as _;
use rtnetlink::{Handle, LinkUnspec};

use crate::failure::{Class, Classify as _, Failure, Outcome};

/// Makes an interface a port of a bridge, and sets it up.
pub async fn join_bridge(port: &str, bridge: &str) -> Outcome {
    let tried = || format!("cannot make {port} a port of {bridge}");
    let (connection, handle, _) = rtnetlink::new_connection().or_fail(Class::Network, tried)?;
    let connection = tokio::spawn(connection);
    let done = async {
        let bridge = index(&handle, bridge).await?;
        let port = index(&handle, port).await?;
        let message = LinkUnspec::new_with_index(port).controller(bridge).up().build();
        handle.link().set(message).execute().await.or_fail(Class::Network, tried)
    };
    let done = done.await;
    connection.abort();
    done
}

async fn index(handle: &Handle, name: &str) -> Outcome<u32> {
    let mut links = handle.link().get().match_name(name.to_owned()).execute();
    let link = links
        .try_next()
        .await
        .or_fail(Class::Network, || format!("there is no interface {name}"))?
        .ok_or_else(|| Failure::say(Class::Network, format!("there is no interface {name}")))?;
    Ok(link.header.index)
}
