package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The parts of a value on a mesh, element by element: what the devices of a mesh hold by definition, slowly.
 *
 * @param split one cut per axis
 */
record MeshParts(Mesh mesh, TensorType whole, List<String> split) {
    /** The type of a part. */
    TensorType type() {
        var dims = whole.shape().dims();
        for (int axis = 0; axis < dims.length; axis++) {
            for (var name : names(split.get(axis))) {
                int devices = mesh.axes().get(name);
                if (dims[axis] % devices != 0) {
                    throw new IllegalArgumentException(whole + " " + split + " on " + mesh);
                }
                dims[axis] /= devices;
            }
        }
        return TensorType.of(whole.dtype(), dims);
    }

    private static String[] names(String cut) {
        return cut.isEmpty() ? new String[0] : cut.split("\\+");
    }

    /** The coordinates of a device, in the order of the mesh's axes, the last of which counts first. */
    private int coordinate(int device, String name) {
        var names = List.copyOf(mesh.axes().keySet());
        var sizes = List.copyOf(mesh.axes().values());
        int rest = device;
        for (int i = names.size() - 1; i > names.indexOf(name); i--) {
            rest /= sizes.get(i);
        }
        return rest % sizes.get(names.indexOf(name));
    }

    /** The places in the value, in elements, of the elements of a device's part. */
    private int[] places(int device) {
        var part = type().shape().dims();
        var first = new int[part.length];
        for (int axis = 0; axis < part.length; axis++) {
            int number = 0;
            for (var name : names(split.get(axis))) {
                number = number * mesh.axes().get(name) + coordinate(device, name);
            }
            first[axis] = number * part[axis];
        }
        var places = new int[(int) type().size()];
        for (int i = 0; i < places.length; i++) {
            int stride = 1;
            int rest = i;
            for (int axis = part.length - 1; axis >= 0; axis--) {
                places[i] += (first[axis] + rest % part[axis]) * stride;
                rest /= part[axis];
                stride *= whole.dim(axis);
            }
        }
        return places;
    }

    private boolean isWhole() {
        return split.stream().allMatch(String::isEmpty);
    }

    /** The part of each device of a row-major value, row-major. */
    List<byte[]> cut(byte[] value) {
        if (isWhole()) {
            return Collections.nCopies(mesh.devices(), value);
        }
        var parts = new ArrayList<byte[]>();
        int bytes = whole.dtype().bytes();
        var type = type();
        for (int device = 0; device < mesh.devices(); device++) {
            var part = new byte[Math.toIntExact(type.byteSize())];
            var places = places(device);
            for (int i = 0; i < places.length; i++) {
                System.arraycopy(value, places[i] * bytes, part, i * bytes, bytes);
            }
            parts.add(part);
        }
        return parts;
    }

    /** The value that the devices' parts are of; parts that several have must be equal. */
    byte[] joined(List<byte[]> parts) {
        var value = isWhole() ? parts.getFirst() : pasted(parts);
        var again = cut(value);
        for (int device = 0; device < parts.size(); device++) {
            if (!Arrays.equals(again.get(device), parts.get(device))) {
                throw new IllegalStateException("device " + device + " has another part of " + whole + " " + split
                        + " than a device that should have the same");
            }
        }
        return value;
    }

    private byte[] pasted(List<byte[]> parts) {
        var value = new byte[Math.toIntExact(whole.byteSize())];
        int bytes = whole.dtype().bytes();
        for (int device = 0; device < parts.size(); device++) {
            var places = places(device);
            for (int i = 0; i < places.length; i++) {
                System.arraycopy(parts.get(device), i * bytes, value, places[i] * bytes, bytes);
            }
        }
        return value;
    }
}
