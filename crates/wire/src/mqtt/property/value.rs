//! The values of properties: checked as a packet is read, made when somebody asks for them.

/// What has to be true of a value. Nothing is made of it yet: most are never asked for.
pub(super) mod check {
    use crate::mqtt::Malformed;
    use crate::mqtt::reader::Reader;

    type Checked = Result<(), Malformed>;

    pub(crate) fn boolean(reader: &mut Reader<'_>) -> Checked {
        match reader.u8()? {
            0 | 1 => Ok(()),
            _ => Err(Malformed::PropertyBoolean),
        }
    }

    pub(crate) fn u16(reader: &mut Reader<'_>) -> Checked {
        reader.u16().map(drop)
    }

    pub(crate) fn u32(reader: &mut Reader<'_>) -> Checked {
        reader.u32().map(drop)
    }

    pub(crate) fn string(reader: &mut Reader<'_>) -> Checked {
        reader.checked().map(drop)
    }

    pub(crate) fn binary(reader: &mut Reader<'_>) -> Checked {
        reader.binary().map(drop)
    }

    pub(crate) fn pair(reader: &mut Reader<'_>) -> Checked {
        string(reader)?;
        string(reader)
    }

    pub(crate) fn response_topic(reader: &mut Reader<'_>) -> Checked {
        match reader.checked()? {
            (_, true) => Err(Malformed::ResponseTopicWildcard),
            ([], _) => Err(Malformed::TopicEmpty),
            _ => Ok(()),
        }
    }

    pub(crate) fn subscription_id(reader: &mut Reader<'_>) -> Checked {
        non_zero(reader.varint()?, Malformed::SubscriptionIdZero)
    }

    pub(crate) fn receive_maximum(reader: &mut Reader<'_>) -> Checked {
        non_zero(reader.u16()?, Malformed::ReceiveMaximumZero)
    }

    pub(crate) fn topic_alias(reader: &mut Reader<'_>) -> Checked {
        non_zero(reader.u16()?, Malformed::TopicAliasZero)
    }

    pub(crate) fn maximum_packet_size(reader: &mut Reader<'_>) -> Checked {
        non_zero(reader.u32()?, Malformed::MaximumPacketSizeZero)
    }

    pub(crate) fn maximum_qos(reader: &mut Reader<'_>) -> Checked {
        boolean(reader)
    }

    fn non_zero(value: impl Into<u32>, zero: Malformed) -> Checked {
        match value.into() {
            0 => Err(zero),
            _ => Ok(()),
        }
    }
}

/// The values of what was checked.
pub(super) mod read {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{Malformed, QoS};

    pub(crate) fn boolean(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
        Ok(reader.u8()? == 1)
    }

    pub(crate) fn u16(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
        reader.u16()
    }

    pub(crate) fn u32(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
        reader.u32()
    }

    pub(crate) fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
        reader.known_string()
    }

    pub(crate) fn binary<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
        reader.binary()
    }

    pub(crate) fn pair<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, &'a str), Malformed> {
        Ok((reader.known_string()?, reader.known_string()?))
    }

    pub(crate) fn maximum_qos(reader: &mut Reader<'_>) -> Result<QoS, Malformed> {
        Ok(match boolean(reader)? {
            true => QoS::AtLeastOnce,
            false => QoS::AtMostOnce,
        })
    }

    pub(crate) fn subscription_id(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
        reader.varint()
    }

    pub(crate) use string as response_topic;
    pub(crate) use u16 as receive_maximum;
    pub(crate) use u16 as topic_alias;
    pub(crate) use u32 as maximum_packet_size;
}
