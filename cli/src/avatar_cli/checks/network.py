"""Ports, the running copy, and from where a microphone works."""

import os

import httpx

from avatar_cli.checks.finding import Finding
from avatar_cli.home import Home, configured_port
from avatar_cli.running import ports, ready
from avatar_cli.tongue import Tongue


def port(home: Home, tongue: Tongue) -> Finding:
    """Whether the page's port is free, or whose it is."""
    try:
        wanted = home.read_ports().get("gateway") or configured_port()
    except ValueError as problem:
        return Finding("port", "problem", str(problem))
    if wanted == 0 or ports.is_free(wanted):
        return Finding("port", "ok", tongue(f"{wanted} is free", f"{wanted} 可用"))
    url = f"http://127.0.0.1:{wanted}"
    with httpx.Client(trust_env=False) as client:
        health = ready.health_of(client, url, timeout_s=2.0)
    if health is not None and health.service == "gateway":
        return _running(url, health.status, tongue)
    holder = ports.holder_of(wanted)
    who = f" ({holder.pid}: {holder.command or holder.name})" if holder else ""
    return Finding(
        "port",
        "problem",
        tongue(f"{wanted} is taken{who}", f"{wanted} 已被使用{who}"),
        tongue(
            f"Stop that program, or set AVATAR_PORT={wanted + 1}.",
            f"請停止那個程式，或設定 AVATAR_PORT={wanted + 1}。",
        ),
    )


def _running(url: str, status: str, tongue: Tongue) -> Finding:
    what = tongue(f"AVATAR runs at {url} ({status})", f"AVATAR 正在 {url} 執行（{status}）")
    if status == "ok":
        return Finding("port", "ok", what)
    return Finding("port", "warning", what, f"curl {url}/health")


def microphone(tongue: Tongue) -> Finding:
    """Browsers give a page the microphone on localhost and over HTTPS only."""
    return Finding(
        "microphone",
        "note",
        tongue(
            "works in a browser on this machine (http://localhost or http://127.0.0.1); from other "
            "machines only over HTTPS",
            "在這台機器的瀏覽器可用（http://localhost 或 http://127.0.0.1）；其他機器必須用 HTTPS",
        ),
        tongue(
            "For other machines run the TLS overlay (docs/deploy.md), or tunnel: "
            "ssh -L 8000:127.0.0.1:8000 this-machine",
            "其他機器請用 TLS 設定（docs/deploy.md），或建立通道："
            "ssh -L 8000:127.0.0.1:8000 這台機器",
        ),
    )


def proxy(tongue: Tongue) -> Finding | None:
    """Proxies of the environment: AVATAR's own calls stay clear of them, a browser's may not."""
    names = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
    if not any(os.environ.get(name) for name in names):
        return None
    return Finding(
        "proxy",
        "note",
        tongue("a proxy is set in the environment", "環境變數設定了代理伺服器"),
        tongue(
            "Make sure that the browser goes around it for localhost "
            "(NO_PROXY=localhost,127.0.0.1).",
            "請確認瀏覽器連 localhost 時不經過它（NO_PROXY=localhost,127.0.0.1）。",
        ),
    )
