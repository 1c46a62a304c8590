use std::path::PathBuf;

use bulla_schemas::ChannelName;

use super::*;
use crate::config::HostConfig;
use crate::operation::Installed;
use crate::site::Server;

/// Somebody goes on writing the host file while it is read.
struct Busy(PathBuf);

impl Busy {
    fn orders(&self) -> Orders {
        let (root, config) = (self.0.with_extension("root"), HostConfig::default());
        let server = Server::new(root.clone(), root);
        Orders::new(Some(self.0.clone()), server, config, Vec::new())
    }
}

impl Voice for Busy {
    fn say(&self, _: &Message<'_>) {}

    fn installed(&self, _: &ProjectName, _: &ChannelName, _: &Installed) {}

    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn reload(&self) -> Result<Orders, String> {
        let before = std::fs::read_to_string(&self.0).unwrap();
        std::fs::write(&self.0, format!("{before}# and more\n")).unwrap();
        if before.len() < 20 {
            return Err("half a line".to_owned());
        }
        Ok(self.orders())
    }
}

#[test]
fn a_host_file_that_is_written_while_it_is_read_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    std::fs::write(&file, "# a\n").unwrap();
    let busy = Busy(file);
    let orders = busy.orders();
    let voice: Arc<dyn Voice> = Arc::new(busy);
    let (sender, _events) = mpsc::channel();
    let mut agent = Agent::new(
        orders,
        &voice,
        sender,
        Listener::none(),
        Launched::default(),
    );
    for _ in 0..4 {
        agent.reload();
        assert!(agent.orders.is_outdated());
    }
}
