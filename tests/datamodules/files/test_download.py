"""Files are found, verified, downloaded whole or refused; no test leaves the machine."""

from __future__ import annotations

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from symmetry_pl.datamodules.files.download import data_root, locate, sha256_of

CONTENT = b"some,data\n" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    path = folder / "d.csv"
    path.write_bytes(CONTENT)
    return path.as_uri()


def names(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def test_root_is_argument_then_environment_then_cache(monkeypatch):
    monkeypatch.setenv("SYMMETRY_DATA", "/from/env")
    assert data_root("/given").as_posix() == "/given"
    assert data_root().as_posix() == "/from/env"
    monkeypatch.delenv("SYMMETRY_DATA")
    assert data_root().as_posix().endswith(".cache/symmetry_pl")


@pytest.mark.parametrize("folder", ["", "toy"])
def test_a_present_file_is_used_without_network(tmp_path, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "d.csv").write_bytes(CONTENT)
    found = locate("toy", tmp_path, "d.csv", "http://127.0.0.1:9/d.csv", SHA, folder="toy")
    assert found == tmp_path / folder / "d.csv"


def test_a_wrong_file_is_refused_and_kept(tmp_path):
    (tmp_path / "d.csv").write_bytes(b"other")
    with pytest.raises(ValueError, match=rf"toy: .*d\.csv has sha256 .*{SHA}.*data\.root"):
        locate("toy", tmp_path, "d.csv", "http://127.0.0.1:9/d.csv", SHA)
    assert (tmp_path / "d.csv").read_bytes() == b"other"


def test_download_then_found_without_server(tmp_path, served):
    root = tmp_path / "root"
    first = locate("toy", root, "d.csv", served, SHA, folder="toy")
    assert first == root / "toy" / "d.csv"
    assert first.read_bytes() == CONTENT
    assert first.stat().st_mode & 0o777 == 0o644
    assert names(root) == ["d.csv"]
    assert locate("toy", root, "d.csv", "http://127.0.0.1:9/", SHA, folder="toy") == first


def test_a_wrong_download_leaves_nothing(tmp_path, served):
    with pytest.raises(ValueError, match=f"not {'0' * 64}: not kept"):
        locate("toy", tmp_path / "root", "d.csv", served, "0" * 64)
    assert names(tmp_path / "root") == []


@pytest.mark.parametrize("download", [True, False])
def test_refusal_names_file_url_checksum_and_option(tmp_path, download):
    url = (tmp_path / "absent.csv").as_uri()
    with pytest.raises(FileNotFoundError) as refusal:
        locate("toy", tmp_path / "root", "d.csv", url, SHA, option="x.root", download=download)
    message = str(refusal.value)
    assert all(part in message for part in ("toy", "d.csv", url, SHA, "x.root"))
    assert "\n" not in message
    assert names(tmp_path / "root") == []


def test_a_connection_cut_short_leaves_nothing(tmp_path):
    class Cut(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:100])

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Cut)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/d.csv"
    with pytest.raises((ValueError, FileNotFoundError), match=r"d\.csv"):
        locate("toy", tmp_path, "d.csv", url, SHA, timeout=5)
    thread.join()
    server.server_close()
    assert names(tmp_path) == []


def test_checksum_of_uncompressed_bytes_ignores_how_it_was_compressed(tmp_path):
    for level in (1, 9):
        path = tmp_path / f"{level}.gz"
        path.write_bytes(gzip.compress(CONTENT, level, mtime=level))
        assert sha256_of(path, uncompressed=True) == SHA
        assert sha256_of(path) != SHA
        found = locate("toy", tmp_path, path.name, "http://127.0.0.1:9", SHA, uncompressed=True)
        assert found == path


def test_a_damaged_gzip_file_is_named(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(CONTENT)[:30])
    with pytest.raises(ValueError, match=r"cut\.gz is a damaged gzip file"):
        sha256_of(path, uncompressed=True)


def test_without_a_published_checksum_a_file_is_taken_but_never_downloaded(tmp_path, served):
    with pytest.raises(FileNotFoundError, match="no published checksum"):
        locate("toy", tmp_path / "root", "d.csv", served, None)
    assert names(tmp_path / "root") == []
    (tmp_path / "d.csv").write_bytes(b"whatever")
    assert locate("toy", tmp_path, "d.csv", served, None) == tmp_path / "d.csv"


def test_a_file_may_be_known_by_its_sha1(tmp_path, served):
    sha1 = hashlib.sha1(CONTENT).hexdigest()
    found = locate("toy", tmp_path / "root", "d.csv", served, sha1, algorithm="sha1")
    assert found.read_bytes() == CONTENT
    found.write_bytes(CONTENT[1:])
    with pytest.raises(ValueError, match=rf"has sha1 .* \(sha1 {sha1}\)"):
        locate("toy", tmp_path / "root", "d.csv", served, sha1, algorithm="sha1")
    found.unlink()
    with pytest.raises(ValueError, match=r"sent a file with sha1 .*: not kept"):
        locate("toy", tmp_path / "root", "d.csv", served, sha1[::-1], algorithm="sha1")
    assert names(tmp_path / "root") == []
