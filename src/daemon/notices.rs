//! Who is told of alarms, by the configuration of the moment.

use std::sync::Arc;

use crate::config::Config;
use crate::hub;
use crate::mattermost::button_token::Signer;
use crate::notify::{self, Notifier};
use crate::reading::Clock;
use crate::recorder::{self, Input};

/// Who is told of alarms.
pub struct Notices {
    /// What tells them.
    pub notifier: Notifier,
    /// What knows of the alarms.
    pub recorder: recorder::Handle,
    /// What signs the buttons below a message.
    pub signer: Arc<Signer>,
    /// The present moment.
    pub clock: Clock,
}

impl Notices {
    /// Alarms are told to the targets of this configuration from now on.
    pub fn tell(&mut self, config: &Config) -> Result<(), notify::Error> {
        let context = notify::Context {
            gateway: config.site.name.clone(),
            units: config.site.units,
            is_simulated: config.is_simulated(),
            buttons: config
                .mattermost
                .url
                .clone()
                .map(|url| notify::Buttons { url, signer: Arc::clone(&self.signer) }),
            clock: Arc::clone(&self.clock),
        };
        let follows = config.hub.as_ref().map(hub::Config::label);
        self.notifier.set_targets(&config.targets, config.mqtt.as_ref(), follows.as_deref(), &context)?;
        self.recorder.report(Input::Targets(self.notifier.recipients()));
        Ok(())
    }
}
