//! `[[user]]` and `[[client]]`: who logs in on the page, and which programs use the API.

use toml::Spanned;

use super::hook::{SHORTEST_TOKEN, TokenWords};
use super::{Check, schema};
use crate::auth::{Client, Config, PasswordHash, User};
use crate::chat::Rights;
use crate::secret::Secret;

fn rights(may_act: bool) -> Rights {
    if may_act { Rights::Act } else { Rights::Read }
}

impl Check<'_> {
    pub(super) fn auth(
        &mut self,
        users: Vec<Spanned<schema::User>>,
        clients: Vec<Spanned<schema::Client>>,
    ) -> Config {
        let mut config = Config::default();
        for user in users.into_iter().map(Spanned::into_inner) {
            let span = user.name.span();
            let name = self.name(user.name);
            if config.users.iter().any(|other| other.name.eq_ignore_ascii_case(&name)) {
                self.problems.at(&span, format!("another [[user]] has the name `{name}`: give each its own"));
            }
            match PasswordHash::read(user.password.get_ref()) {
                Ok(password) => config.users.push(User { name, password, rights: rights(user.may_act) }),
                Err(error) => self.problems.at(&user.password.span(), error.to_string()),
            }
        }
        for client in clients {
            let (span, client) = (client.span(), client.into_inner());
            let name_span = client.name.span();
            let name = self.name(client.name);
            if config.clients.iter().any(|other| other.name == name) {
                self.problems
                    .at(&name_span, format!("another [[client]] has the name `{name}`: give each its own"));
            }
            if config.users.iter().any(|user| user.name.eq_ignore_ascii_case(&name)) {
                self.problems.at(
                    &name_span,
                    format!("a [[user]] has the name `{name}`, too: nobody could tell what each of them did"),
                );
            }
            let without_file = format!("the client `{name}` is rejected");
            let words = TokenWords {
                whose: "a client",
                needs: "a client needs a `token`, or a `token_file` that holds it: `openssl rand -hex 20` makes one",
                without_file: &without_file,
                cure: "put a token into it",
            };
            let Some((span, token)) = self.token(&span, client.token, client.token_file, &words) else {
                continue;
            };
            if token.contains(char::is_whitespace) || !token.is_ascii() {
                self.problems
                    .at(&span, "a client's token has ASCII letters, digits and punctuation, and no spaces");
            } else if token.len() < SHORTEST_TOKEN {
                self.problems.at(&span, format!("the token is too short to be safe: {SHORTEST_TOKEN} characters are the least, and `openssl rand -hex 20` makes one"));
            } else if config.clients.iter().any(|other| other.token.matches(&token)) {
                self.problems.at(&span, "another client has the same token: each has its own");
            }
            config.clients.push(Client { name, token: Secret::new(token), rights: rights(client.may_act) });
        }
        config
    }
}
