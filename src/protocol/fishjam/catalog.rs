//! Fishjam's notifications as the catalogue lists them: their fields are the protocol's, their meaning is what is read of one.

use prost::Message;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};

use super::{NAMES, descriptors, notifications::event};
use crate::protocol::{CatalogEntry, Protocol};

pub(in crate::protocol) fn catalog() -> Vec<CatalogEntry> {
    let whole = descriptors().get_message_by_name("fishjam.ServerMessage").expect("it is compiled in");
    let entry = |name: &&str| {
        let field = whole.get_field_by_json_name(name)?;
        let kind = field.kind();
        let message = kind.as_message()?;
        let read = event(field.number().into(), &example(message).encode_to_vec()).ok()??;
        let mut fields = Vec::new();
        paths(message, "", &mut fields);
        Some(CatalogEntry {
            platform: Protocol::Fishjam,
            event: format!("ServerMessage{}", message.name()),
            wire: Some(format!("{} = {}", field.name(), field.number())),
            meaning: read.kind.name(),
            fields,
            is_documented: DOCUMENTED.contains(&field.number()),
        })
    };
    NAMES.iter().filter_map(entry).collect()
}

/// A message that says as little as one can: its inner messages are there and empty.
fn example(message: &MessageDescriptor) -> DynamicMessage {
    let mut example = DynamicMessage::new(message.clone());
    for field in message.fields().filter(|field| !field.is_list()) {
        if let Kind::Message(inner) = field.kind() {
            example.set_field(&field, Value::Message(DynamicMessage::new(inner)));
        }
    }
    example
}

fn paths(message: &MessageDescriptor, prefix: &str, out: &mut Vec<String>) {
    for field in message.fields() {
        let list = if field.is_list() { "[]" } else { "" };
        let path = format!("{prefix}{}{list}", field.json_name());
        match field.kind() {
            Kind::Message(inner) => paths(&inner, &format!("{path}."), out),
            _ => out.push(path),
        }
    }
}

/// Those that Fishjam's event reference names.
const DOCUMENTED: [u32; 16] = [1, 2, 3, 4, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25];
