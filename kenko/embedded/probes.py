"""Ask a server in its own protocol whether it is up, and whether it is the one we started.

The second question matters: between choosing a port and binding it, another stack may have taken it.
"""

from __future__ import annotations

import socket
import struct

from kenko.embedded.ports import LOOPBACK

PROBE_TIMEOUT_S = 1.0
MOST_BYTES = 65_536
_METADATA = 3
_METADATA_VERSION = 2  # the first that carries the cluster id, and every broker still speaks it
_CORRELATION_ID = 0x4B454E4B


def redis_answers(port: int, *, pid: int) -> bool:
    """Whether the Redis of process `pid` answers on `port` and has loaded its data."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=PROBE_TIMEOUT_S) as connection:
            connection.sendall(b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n")
            answer = connection.recv(MOST_BYTES)
    except OSError:
        return False
    return f"process_id:{pid}\r\n".encode() in answer


def kafka_answers(port: int, *, cluster_id: str) -> bool:
    """Whether the broker of cluster `cluster_id` answers on `port`, knows itself and has a controller."""
    client_id = b"kenko"
    body = struct.pack(">hhih", _METADATA, _METADATA_VERSION, _CORRELATION_ID, len(client_id)) + client_id
    body += struct.pack(">i", 0)  # no topics
    try:
        with socket.create_connection((LOOPBACK, port), timeout=PROBE_TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _read(connection, 4))
            answer = _read(connection, min(size, MOST_BYTES))
        return _names_cluster(answer, cluster_id)
    except (OSError, EOFError, struct.error):
        return False


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _names_cluster(answer: bytes, cluster_id: str) -> bool:
    """Read a Metadata response, version 2: correlation id, brokers, cluster id, controller id."""
    correlation_id, brokers = struct.unpack_from(">ii", answer, 0)
    at = 8
    for _ in range(brokers):
        at += 4  # node id
        at += 2 + struct.unpack_from(">h", answer, at)[0]  # host
        at += 4  # port
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])  # rack, may be null
    length = max(0, struct.unpack_from(">h", answer, at)[0])
    named = answer[at + 2 : at + 2 + length]
    (controller_id,) = struct.unpack_from(">i", answer, at + 2 + length)
    return correlation_id == _CORRELATION_ID and brokers > 0 and controller_id >= 0 and named == cluster_id.encode()
