"""GStreamer's RTSP server, told what to serve in JSON: python rtsp_server.py '{"port": 8554, ...}'.

Its library is called by ctypes, so it needs no more of GStreamer than a few unpacked files: no bindings, no programs.
The library's own names are kept. It says "ready" once it listens on both addresses.
"""

import ctypes
import json
import sys

BASIC, DIGEST = 1, 2
STRING, BOOLEAN = 16 << 2, 5 << 2  # G_TYPE_STRING, G_TYPE_BOOLEAN
HOSTS = (b"127.0.0.1", b"::1")

_server = ctypes.CDLL("libgstrtspserver-1.0.so.0")
_gst = ctypes.CDLL("libgstreamer-1.0.so.0")
_gio = ctypes.CDLL("libgio-2.0.so.0")
_glib = ctypes.CDLL("libglib-2.0.so.0")


def call(name, *arguments, library=_server):
    """Call a function that takes and returns pointers, text and numbers."""
    function = getattr(library, name)
    function.restype = ctypes.c_void_p
    return function(*[each if isinstance(each, bytes | None) else ctypes.c_void_p(each) for each in arguments])


def authorisation(settings):
    """Return what says who may watch."""
    auth = call("gst_rtsp_auth_new")
    token = call("gst_rtsp_token_new", b"media.factory.role", STRING, b"viewer", None)
    if "password" in settings:
        user, password = settings["user"].encode(), settings["password"].encode()
        if settings["scheme"] == "digest":
            call("gst_rtsp_auth_set_supported_methods", auth, DIGEST)
            call("gst_rtsp_auth_add_digest", auth, user, password, token)
        else:
            call("gst_rtsp_auth_add_basic", auth, call("gst_rtsp_auth_make_basic", user, password), token)
    else:
        call("gst_rtsp_auth_set_default_token", auth, token)
    if "certificate" in settings:
        files = (settings["certificate"].encode(), settings["key"].encode(), None)
        call("gst_rtsp_auth_set_tls_certificate", auth, call("g_tls_certificate_new_from_files", *files, library=_gio))
    return auth


def main(settings):
    call("gst_init", None, None, library=_gst)
    points = call("gst_rtsp_mount_points_new")
    for path, pipeline in settings["media"].items():
        factory = call("gst_rtsp_media_factory_new")
        call("gst_rtsp_media_factory_set_launch", factory, pipeline.encode())
        rights = (b"media.factory.access", BOOLEAN, 1, b"media.factory.construct", BOOLEAN, 1, None)
        call("gst_rtsp_media_factory_add_role", factory, b"viewer", *rights)
        call("gst_rtsp_mount_points_add_factory", points, path.encode(), factory)
    for host in HOSTS:
        server = call("gst_rtsp_server_new")
        call("gst_rtsp_server_set_address", server, host)
        call("gst_rtsp_server_set_service", server, str(settings["port"]).encode())
        call("gst_rtsp_server_set_mount_points", server, points)
        if {"password", "certificate"} & settings.keys():
            call("gst_rtsp_server_set_auth", server, authorisation(settings))
        if not call("gst_rtsp_server_attach", server, None):
            sys.exit(f"cannot listen on {host.decode()}")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    call("g_main_loop_run", call("g_main_loop_new", None, 0, library=_glib), library=_glib)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
