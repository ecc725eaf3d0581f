//! How many sessions there may be: for the host, for each deploy, for each tenant, for what their agents share.

use std::{collections::HashMap, sync::Arc};

use crate::agent::Limit;

/// The slots that are taken, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// 0 for no limit, here and below.
    pub(super) most: usize,
    pub(super) most_per_tenant: usize,
    taken: usize,
    by_deploy: HashMap<Arc<str>, usize>,
    by_tenant: HashMap<String, usize>,
    by_engine: HashMap<Arc<str>, usize>,
}

/// A slot that a session has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    deploy: Arc<str>,
    tenant: Option<String>,
    engine: Option<Arc<str>>,
}

/// Which limit is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Host,
    Deploy,
    Tenant,
    /// What agents share, such as a model, serves no more of them in time.
    Engine,
}

impl Full {
    pub(super) fn name(self) -> &'static str {
        match self {
            Full::Host => "host",
            Full::Deploy => "deploy",
            Full::Tenant => "tenant",
            Full::Engine => "engine",
        }
    }
}

impl Admission {
    /// Takes a slot, if there is one.
    pub(super) fn take(
        &mut self,
        deploy: &Arc<str>,
        most_of_deploy: usize,
        tenant: Option<&String>,
        engine: Option<&Limit>,
    ) -> Result<Slot, Full> {
        let is_full = |taken: usize, most: usize| most > 0 && taken >= most;
        if is_full(self.taken, self.most) {
            return Err(Full::Host);
        }
        if is_full(self.by_deploy.get(deploy).copied().unwrap_or(0), most_of_deploy) {
            return Err(Full::Deploy);
        }
        if tenant.is_some_and(|name| is_full(self.by_tenant.get(name).copied().unwrap_or(0), self.most_per_tenant)) {
            return Err(Full::Tenant);
        }
        let taken = |limit: &Limit| self.by_engine.get(&limit.name).copied().unwrap_or(0);
        if engine.is_some_and(|limit| is_full(taken(limit), limit.most)) {
            return Err(Full::Engine);
        }
        self.taken += 1;
        *self.by_deploy.entry(deploy.clone()).or_default() += 1;
        if let Some(name) = tenant {
            *self.by_tenant.entry(name.clone()).or_default() += 1;
        }
        let engine = engine.map(|limit| limit.name.clone());
        if let Some(name) = &engine {
            *self.by_engine.entry(name.clone()).or_default() += 1;
        }
        Ok(Slot { deploy: deploy.clone(), tenant: tenant.cloned(), engine })
    }

    pub(super) fn give_back(&mut self, slot: Slot) {
        fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
            if let Some(count) = counts.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(key);
                }
            }
        }
        self.taken -= 1;
        less(&mut self.by_deploy, &slot.deploy);
        if let Some(tenant) = &slot.tenant {
            less(&mut self.by_tenant, tenant);
        }
        if let Some(engine) = &slot.engine {
            less(&mut self.by_engine, engine);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.most > 0 && self.taken >= self.most
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_share_limits_them_whichever_deploy_they_are_of() {
        let mut admission = Admission::default();
        let (few, more) =
            (Limit { name: "moonshine#1".into(), most: 2 }, Limit { name: "moonshine#2".into(), most: 1 });
        let mut take = |deploy: &str, limit| admission.take(&deploy.into(), 0, None, limit);
        let first = take("a", Some(&few)).unwrap();
        take("b", Some(&few)).unwrap();
        assert_eq!(take("c", Some(&few)), Err(Full::Engine));
        assert!(take("c", Some(&more)).is_ok(), "another engine, though it is called alike");
        assert!(take("c", None).is_ok(), "and an agent that needs none");
        admission.give_back(first);
        assert!(admission.take(&"c".into(), 0, None, Some(&few)).is_ok());
        assert_eq!(admission.taken(), 4);
    }
}
