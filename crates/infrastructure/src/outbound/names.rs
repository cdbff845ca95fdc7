//! Names to addresses. The client connects only to addresses that came through here, at the moment they came: there is
//! no second look-up that could answer something else.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::objection;
use super::allow::AllowList;
use super::error::Refused;

/// What the machine answers.
pub(super) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client puts the URL's port in place of 0.
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Passes on an answer whose addresses are all public or in a network that may be reached. One address that is
/// neither spoils the whole answer: whoever mixes them is up to something, or has made a mistake.
pub(super) struct PublicNames {
    pub(super) names: Arc<dyn Resolve>,
    pub(super) allow: AllowList,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let place = name.as_str().to_owned();
        let (answer, allow) = (self.names.resolve(name), self.allow.clone());
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = answer.await?.collect();
            for address in addresses.iter().map(SocketAddr::ip).filter(|address| !allow.contains(*address)) {
                if let Some(what) = objection(address) {
                    return Err(Refused { place, what }.into());
                }
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
