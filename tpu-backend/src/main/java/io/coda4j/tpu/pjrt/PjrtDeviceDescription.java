package io.coda4j.tpu.pjrt;

import java.io.Serializable;
import java.lang.foreign.MemorySegment;
import java.util.SequencedMap;

/**
 * What a plugin says about a device, present or of a topology.
 *
 * @param id in the whole system
 * @param processIndex the process that can use it
 * @param kind model, such as {@code TPU v4}
 * @param text for people
 * @param attributes such as a TPU's {@code coords}
 */
record PjrtDeviceDescription(
        int id, int processIndex, String kind, String text, SequencedMap<String, PjrtAttribute> attributes)
        implements Serializable {

    /** Reads the description at an address. */
    static PjrtDeviceDescription read(PjrtOwner owner, MemorySegment description) {
        try (var id = owner.call("DeviceDescription_Id");
                var process = owner.call("DeviceDescription_ProcessIndex");
                var kind = owner.call("DeviceDescription_Kind");
                var text = owner.call("DeviceDescription_ToString");
                var attributes = owner.call("DeviceDescription_Attributes")) {
            for (var call : new PjrtCall[] {id, process, kind, text, attributes}) {
                call.put("device_description", description);
                call.invoke();
            }
            return new PjrtDeviceDescription(
                    id.intNumber("id"),
                    process.intNumber("process_index"),
                    kind.text("device_kind"),
                    text.text("to_string"),
                    PjrtAttribute.read(attributes.address("attributes"), attributes.number("num_attributes")));
        }
    }
}
