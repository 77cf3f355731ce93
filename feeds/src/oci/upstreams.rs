//! The registries that one run reads from: each is one, whichever images come from it, so that what it wants of us is
//! heeded by all that ask it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::lock::lock;
use super::place::Place;
use super::registry::Registry;
use super::{Authority, Endpoint, Error};

/// What makes two registries the same: host, protocol, authority, user.
type Key = (String, bool, Authority, Option<String>);

/// Registries to read from.
#[derive(Default)]
pub struct Upstreams(Mutex<HashMap<Key, Arc<Registry>>>);

impl Upstreams {
    /// The registry of a reference (`host[:port]/repository[:tag|@digest]`), spoken with as `endpoint` says; the host of
    /// that is not looked at.
    pub fn of(&self, reference: &str, endpoint: &Endpoint) -> Result<Arc<Registry>, Error> {
        let host = Place::parse(reference)?.host().to_owned();
        let user = endpoint.login.as_ref().map(|login| login.user.clone());
        let key = (host.clone(), endpoint.plain, endpoint.authority.clone(), user);
        let mut known = lock(&self.0);
        if let Some(registry) = known.get(&key) {
            return Ok(Arc::clone(registry));
        }
        let registry = Arc::new(Registry::connect(&Endpoint { host, ..endpoint.clone() })?);
        known.insert(key, Arc::clone(&registry));
        Ok(registry)
    }
}
