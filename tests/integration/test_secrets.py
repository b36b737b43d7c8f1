"""No secret shows: searched for in everything that a program can print, at the wordiest level."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from s3_integration.config import S3Config
from tests.fixtures.children import environment_of, run_child
from tests.fixtures.metadata_services import RoleCredentials, metadata_service
from tests.fixtures.recording_proxy import recording_proxy
from tests.fixtures.servers import ServerUnderTest

SECRET: Final = "canary-secret/with+odd=letters"
TOKEN: Final = "canary-token/with+odd=letters//and==more"
KEY_ID: Final = "CANARYKEYID"

# Every operation, and every kind of failure. What a program can hold of them goes to
# standard output; the log goes to standard error; the signatures that really went out are
# kept apart, in the file that the first argument names.
_EVERYTHING: Final = r"""
import dataclasses, json, logging, pickle, sys, traceback
from pathlib import Path
import s3_integration.logs
from s3_integration import S3Client, S3Config, S3IntegrationError, log_to_stderr
from s3_integration.config import resolve_settings

signatures, held = Path(sys.argv[1]), json.loads(sys.argv[3])
if sys.argv[2] == "unblotted":
    s3_integration.logs.redact = lambda text: text
log_to_stderr("DEBUG", include_botocore=True)
folder = signatures.parent
(folder / "a.txt").write_bytes(b"content")
(folder / "big.bin").write_bytes(bytes(17 * 2**20))


def show(error):
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        print(repr(error), str(error), error.args)
        if isinstance(error, S3IntegrationError):
            print(error.to_dict(), pickle.dumps(error), repr(pickle.loads(pickle.dumps(error))))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


failures = []
def attempt(call):
    try:
        print(repr(call()))
    except Exception as error:
        failures.append(type(error).__name__)
        print("".join(traceback.format_exception(error)))
        show(error)
        logging.getLogger("s3_integration").exception("failed")


def keep_signature(request, **_):
    with signatures.open("a") as file:
        print(request.headers["Authorization"], file=file)


def client(name="", **settings):
    made = S3Client(config=S3Config(name, **held, **settings))
    print(repr(made), repr(made._settings), repr(S3Config(**held)))
    service = made._service.get()
    print(repr(service), repr(service._settings))
    service._get_s3_client().meta.events.register("before-send.s3", keep_signature)
    connection = service._connection.get()
    print(repr(connection), repr(connection.credentials))
    return made


good = client()
attempt(lambda: good.upload_file(folder / "a.txt", "a", metadata={"m": "1"}, tags={"t": "1"}))
attempt(lambda: good.upload_file(folder / "big.bin", "big"))
attempt(lambda: good.upload_file(folder / "a.txt", "a", if_exists="fail"))
attempt(lambda: good.upload_file(folder / "missing"))
attempt(lambda: good.upload_file(folder / "a.txt", ""))
attempt(lambda: good.list_files())
attempt(lambda: good.file_exists("a"))
attempt(lambda: good.file_exists("none"))
attempt(lambda: good.file_info("a"))
attempt(lambda: good.file_info("none", version_id="nonsense"))
attempt(lambda: good.download_file("a", folder / "d"))
attempt(lambda: good.download_file("big", folder / "d"))
attempt(lambda: good.download_file("none", folder / "d"))
attempt(lambda: good.download_file("a", folder / "d", version_id="nonsense"))
attempt(lambda: good.delete_file("a"))
attempt(lambda: good.delete_file("a"))
attempt(lambda: client("a-bucket-that-is-not-there").list_files())
down = client(endpoint_url="http://127.0.0.1:1", total_attempts=2)
attempt(lambda: down.list_files())
attempt(lambda: down.upload_file(folder / "a.txt", "k"))
attempt(lambda: down.download_file("a", folder / "d"))
broken = client()
events = broken._service.get()._get_s3_client().meta.events
def break_it(request, **_):
    raise ConnectionError("cannot send " + str(dict(request.headers)))
events.register("before-send.s3", break_it)
attempt(lambda: broken.list_files())
if held:
    secret, token = held["secret_access_key"], held["session_token"]
    attempt(lambda: S3Config(secret_access_key=secret + " "))
    attempt(lambda: S3Config(secret_access_key=secret, session_token=token + "\n"))
    attempt(lambda: S3Config(session_token=[token]))
    attempt(lambda: S3Client(config=S3Config(secret_access_key=secret)).list_files())
frozen = good._service.get()._connection.get().credentials.get_frozen_credentials()
library = logging.getLogger("botocore.auth")
library.debug("a library says %s and %s", frozen.secret_key, frozen.token)
url = good._service.get()._get_s3_client().generate_presigned_url(
    "get_object", Params={"Bucket": good.bucket_name, "Key": "big"}
)
logging.getLogger("s3_integration").info("somebody logs %s", url)
with signatures.open("a") as file:
    print(url, file=file)
print("failures:", *failures)
"""


@pytest.fixture(autouse=True)
def _moto_alone(server: ServerUnderTest) -> None:
    if server.name != "moto":
        pytest.skip("the canary's keys are nobody's: only moto takes them")


def printed(
    config: S3Config, folder: Path, source: str, mode: str, endpoint_url: str
) -> tuple[str, set[str]]:
    """All that such a program prints, and the signatures that it sent."""
    arguments = "{}"
    credentials = RoleCredentials(KEY_ID, SECRET, TOKEN)
    with metadata_service(credentials) as service:
        environment = environment_of(
            S3Config(config.bucket_name, "us-east-1", endpoint_url=endpoint_url)
        )
        if source == "arguments":
            arguments = (
                f'{{"access_key_id": "{KEY_ID}", "secret_access_key": "{SECRET}",'
                f' "session_token": "{TOKEN}"}}'
            )
        elif source == "the environment":
            environment |= {
                "AWS_ACCESS_KEY_ID": KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_SESSION_TOKEN": TOKEN,
            }
        elif source == "the container role":
            environment |= service.container_variables()
        else:
            environment |= service.instance_variables()
        signatures = folder / "signatures"
        child = run_child(
            _EVERYTHING, signatures, mode, arguments, environment=environment, timeout_seconds=100
        )
    assert child.returncode == 0, child.stderr[-2000:]
    assert "S3DownloadFileNotFoundError" in child.stdout.splitlines()[-1]
    assert len(child.stdout.splitlines()[-1].split()) >= 10  # failures really happened
    assert "DEBUG botocore" in child.stderr
    assert KEY_ID in child.stderr  # an access key id is a name, not a secret
    sent = re.findall(r"Signature=([0-9a-f]{64})", signatures.read_text())
    assert len(sent) > 20
    return child.stdout + child.stderr, set(sent)


def forms_of(secret: str) -> set[str]:
    """A secret as it may be written somewhere."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1], encoded}


def hits(text: str, signatures: set[str]) -> dict[str, int]:
    """How often each kind of secret is in `text`."""
    found = {
        "secret": sum(text.count(form) for form in forms_of(SECRET)),
        "token": sum(text.count(form) for form in forms_of(TOKEN)),
        "signature": sum(text.count(signature) for signature in signatures),
    }
    # Parts of a secret are too much as well.
    found["part"] = text.count("canary-secret") + text.count("canary-token")
    return found


@pytest.mark.parametrize(
    "source", ["arguments", "the environment", "the container role", "the instance role"]
)
@pytest.mark.promise(7)
def test_no_secret_shows_in_logs_reprs_errors_tracebacks_or_pickles(
    config: S3Config, server: ServerUnderTest, tmp_path: Path, source: str
) -> None:
    with recording_proxy(server.endpoint_url or "") as relay:
        text, signatures = printed(config, tmp_path, source, "blotted", relay.endpoint_url)

    assert {(seen.access_key_id, seen.session_token) for seen in relay.requests} == {
        (KEY_ID, TOKEN)
    }
    assert hits(text, signatures) == {"secret": 0, "token": 0, "signature": 0, "part": 0}


@pytest.mark.promise(7)
def test_the_search_would_find_what_is_not_blotted_out(
    config: S3Config, server: ServerUnderTest, tmp_path: Path
) -> None:
    endpoint_url: Any = server.endpoint_url

    text, signatures = printed(config, tmp_path, "the environment", "unblotted", endpoint_url)

    assert all(count > 0 for count in hits(text, signatures).values())
