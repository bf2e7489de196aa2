//! What stays while configurations come and go, and how a new one is adopted.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::{error, info, warn};

use super::Error;
use super::notices::Notices;
use super::routes::Routes;
use super::supervisor::Supervisor;
use crate::chat::Chat;
use crate::config::{Config, last_good};
use crate::fridge::{Fridge, names};
use crate::gateway::{Gateway, Site};
use crate::https;
use crate::hub::{Hub, Known};
use crate::mattermost::Mattermost;

/// Why a configuration is not adopted without a restart.
const RESTART: &str =
    "switching between simulated and real buses requires a restart: `sudo systemctl restart fridge`";

/// What stays while configurations come and go.
pub struct Parts {
    /// What answers are made from.
    pub gateway: Gateway,
    /// What answers in the chat.
    pub mattermost: Arc<Mattermost>,
    /// What answers on which path.
    pub routes: Arc<Routes>,
    /// What listens.
    pub server: https::Server,
    /// What polls the buses.
    pub supervisor: Supervisor,
    /// Who is told of alarms.
    pub notices: Notices,
    /// What follows other gateways.
    pub hub: Hub,
    /// The configuration in use.
    pub config: Config,
    /// The folder of the state.
    pub state: PathBuf,
    /// Whether all buses are simulated: then what they show is kept elsewhere, from the start on.
    pub is_all_simulated: bool,
}

impl Parts {
    /// Reads the configuration again and adopts it; where anything is wrong with it, all of that is logged and
    /// everything stays as it is. Returns one line about it.
    pub async fn reload(&mut self) -> String {
        let file = self.config.path.clone();
        // In a thread of its own: no answer waits for a file.
        let loaded = tokio::task::spawn_blocking(move || Config::load(&file)).await;
        let problems = match loaded {
            Ok(Ok(config)) if config.is_all_simulated() != self.is_all_simulated => String::from(RESTART),
            Ok(Ok(config)) => match self.adopt(config).await {
                Ok(()) => {
                    info!("new configuration in use");
                    self.gateway.set_refused(false);
                    self.keep_as_good();
                    return status(&self.config, &self.server.handle().addresses());
                }
                Err(error) => error.to_string(),
            },
            Ok(Err(problems)) => problems.to_string(),
            Err(failed) => format!("a bug: {failed}"),
        };
        self.gateway.set_refused(true);
        for problem in problems.lines() {
            error!("{problem}");
        }
        let cure = if problems == RESTART { "" } else { ": fix it, run `fridge check`, then reload" };
        error!("reload failed, still using the previous configuration{cure}");
        format!("reload failed, still using the previous configuration: {problems}")
    }

    /// Keeps a configuration with which the gateway runs, for a day on which its file is wrong.
    pub fn keep_as_good(&self) {
        if self.config.site.is_last_good {
            return;
        }
        let (state, config) = (self.state.clone(), self.config.clone());
        // In a thread of its own: no answer waits for a disk.
        drop(tokio::task::spawn_blocking(move || {
            if let Err(error) = last_good::keep(&state, &config) {
                warn!("cannot keep the configuration as the last good one: {error}");
            }
        }));
    }

    async fn adopt(&mut self, config: Config) -> Result<(), Error> {
        self.server.reload(&config.https).await?;
        self.notices.tell(&config)?;
        self.config = config;
        self.hub.set_config(self.config.hub.as_ref());
        let sites = Arc::clone(&self.hub.known().borrow());
        self.gateway = self.gateway.reconfigured(self.site(&sites));
        self.gateway.set_history_config(self.config.history);
        self.hub.set_retention(self.config.history.retention);
        self.answer();
        self.routes.reload(self.config.page.clone(), self.config.auth.clone());
        for warning in &self.config.warnings {
            warn!("{warning}");
        }
        let reconciled = self.supervisor.reconcile(&self.config.buses, self.gateway.fridges()).await;
        if let Err(error) = reconciled {
            // What answers goes on; the bus without a thread grows old, and everybody can see its age.
            error!("cannot start the thread of a bus: {error}");
        }
        Ok(())
    }

    /// Other gateways have these fridges from now on; whether they are shown.
    pub fn show_sites(&mut self, sites: &Known) -> bool {
        let gateway = self.gateway.reconfigured(self.site(sites));
        // First what is known of them, then who asks about them.
        let Known { sites, followed, .. } = sites.clone();
        if let Err(error) = self.notices.recorder.set_sites(sites, gateway.fridges(), followed) {
            warn!("the fridges of other gateways are not shown yet: {error}");
            return false;
        }
        self.gateway = gateway;
        self.answer();
        true
    }

    /// The site of the configuration, with the fridges of other gateways.
    fn site(&self, sites: &Known) -> Site {
        let mut site = self.config.site.clone();
        let own: HashSet<String> = site.fridges.iter().map(|fridge| names::fold(&fridge.name)).collect();
        site.fridges.extend(sites.fridges.iter().cloned().map(|fridge| {
            match own.contains(&names::fold(&fridge.name)) {
                // Another gateway's is never asked for by the name of one of this.
                true => Fridge { name: fridge.id.clone(), ..fridge },
                false => fridge,
            }
        }));
        site
    }

    /// Answers come from this gateway from now on.
    fn answer(&self) {
        let chat = Arc::new(Chat::new(self.gateway.clone()));
        self.mattermost.reload(self.config.mattermost.clone(), chat);
    }
}

/// What `systemctl status` shows.
pub fn status(config: &Config, addresses: &[std::net::SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("https://{address}")).collect();
    let token =
        if config.mattermost.hooks.is_empty() { "; no token yet: every question is rejected" } else { "" };
    let old = if config.site.is_last_good {
        "; running on the last good configuration, because its file has errors"
    } else {
        ""
    };
    format!("answering on {}; fridges: {}{token}{old}", addresses.join(", "), config.site.fridges.len())
}
