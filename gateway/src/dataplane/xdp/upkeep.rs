//! Seeing to it that the program stays where it was put: others may take it off its ports, remove its pins,
//! or have interfaces go and come back.

use abi::Side;

use super::{Error, Port, Standing, Xdp, attach};

impl Xdp {
    /// Asks the kernel what is on the port at this end of `link`.
    ///
    /// # Errors
    /// The kernel can't be asked, or the interface is gone.
    pub fn standing(&self, link: u32, side: Side) -> Result<Standing, Error> {
        let ends = self.links.get(link as usize);
        let interface = ends.ok_or(Error::NoSuchSlot { link, queue: 0 })?.end(side);
        let mut ports = self.ports.iter();
        let ours = ports.find(|port| (port.link, port.side) == (link, side));
        Ok(match attach::present(interface)? {
            None => Standing::Gone,
            Some(there) if ours.is_some_and(|port| port.program == there.program) => {
                Standing::InPlace
            }
            Some(there) => Standing::Replaced {
                program: there.program,
            },
        })
    }

    /// Sees to it that links and maps have their pins. Says whether some had to be made anew, because
    /// somebody had removed them.
    ///
    /// # Errors
    /// They can't be made anew.
    pub fn keep_pins(&mut self) -> Result<bool, Error> {
        if self.has_pins() {
            return Ok(false);
        }
        let dir = self.claim.dir().to_owned();
        self.pin_anew().map_err(|source| Error::PinsRemoved {
            dir,
            source: Box::new(source),
        })?;
        Ok(true)
    }

    fn has_pins(&self) -> bool {
        let pins = &self.claim.pins;
        let is_pinned = |port: &Port| port.held.is_pinned(&pins.link(&port.interface.name));
        self.claim.is_whole() && self.held.are_pinned(pins) && self.ports.iter().all(is_pinned)
    }

    fn pin_anew(&mut self) -> Result<(), Error> {
        self.claim.renew()?;
        let pins = &self.claim.pins;
        pins.create()?;
        self.held.keep_pinned(pins)?;
        for port in &mut self.ports {
            port.held.keep_pinned(&pins.link(&port.interface.name))?;
        }
        Ok(())
    }

    /// Puts the program on an interface that has come back under the name of one of `link`'s ends, or
    /// that somebody has taken it off.
    ///
    /// # Errors
    /// As [`Xdp::open`], and as [`Xdp::keep_pins`]: other maps would have to take the places of those
    /// that the workers know.
    pub fn reattach(&mut self, link: u32, side: Side, if_index: u32) -> Result<&Port, Error> {
        self.keep_pins()?;
        let no_such_link = Error::NoSuchSlot { link, queue: 0 };
        let ends = self.links.get_mut(link as usize).ok_or(no_such_link)?;
        match side {
            Side::Inside => ends.inside.index = if_index,
            Side::Outside => ends.outside.index = if_index,
        }
        self.ports
            .retain(|port| (port.link, port.side) != (link, side));
        self.connect(link)?;
        self.attach(link, side)?;
        Ok(&self.ports[self.ports.len() - 1])
    }
}
