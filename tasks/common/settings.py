"""Settings describe the machine and never the dataset; read from `MATTEFLOW_…` variables."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.common.errors import InputError
from tasks.common.validation import explain_validation


class Settings(BaseSettings):
    """Folders, addresses and limits of this machine; none of them changes a dataset."""

    # Other variables of this prefix are ignored: tokens of communities (MATTEFLOW_TOKEN_…) are no
    # settings.
    model_config = SettingsConfigDict(env_prefix="MATTEFLOW_", frozen=True, extra="ignore")

    home: Path = Field(
        Path("matteflow-data"), description="parent folder of workspace, models, scratch and store"
    )
    workspace: Path = Field(
        Path(), description="artifacts and run records: a folder, or an s3://bucket/prefix"
    )
    shared: str = Field("", description="the bucket of which the workspace folder is a local copy")
    copy_gb: float = Field(
        50.0, gt=0, description="size of the local copy of a workspace in a bucket"
    )
    store: str = Field(
        "", description="where versions are published: file:///folder or s3://bucket/prefix"
    )
    s3_endpoint: str = Field("", description="address of the S3 server; empty: AWS_ENDPOINT_URL_S3")
    store_connections: int = Field(16, ge=1, le=256, description="concurrent requests to the store")
    store_single_writer: bool = Field(
        False,
        description="accept a store that ignores conditional requests; never publish concurrently",
    )
    models: Path = Field(Path(), description="verified model weights")
    scratch: Path = Field(
        Path(), description="unfinished downloads and frames in transit, on this machine"
    )
    root_name: str = Field(
        "Insta360SemanticSeg",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="top folder in the store",
    )
    sources_in_flight: int = Field(2, ge=1, le=64, description="sources processed concurrently")
    # Seven tasks per source: at most 490 in a flow run, which the UI of Prefect still shows well.
    batch_size: int = Field(
        60, ge=1, le=70, description="sources per flow run; longer lists are split into batches"
    )
    batches_at_once: int = Field(
        0, ge=0, description="concurrent batches of a run; 0: one per worker of the work pool"
    )
    batch_patience_s: float = Field(
        60.0, ge=0, description="wait before a run processes a batch itself that no worker takes"
    )
    task_runner: Literal["threads", "dask"] = Field("threads", description="Prefect task runner")
    dask_address: str = Field("", description="address of a Dask scheduler; empty: a local cluster")
    workspace_url: str = Field("", description="base address for links to the workspace")
    store_url: str = Field("", description="base address for links to the store")
    verify: Literal["digest", "size"] = Field(
        "digest", description="check of cached artifacts before reuse: every byte, or sizes only"
    )
    allow_networks: str = Field(
        "", description="private networks that downloads may reach, such as 10.1.0.0/16,fd00::/8"
    )
    downloads_per_host: int = Field(
        2, ge=1, le=64, description="concurrent transfers from a host, per process"
    )
    requests_per_s: float = Field(10.0, gt=0, description="requests per second to a host")
    download_mb_per_s: float = Field(
        0.0, ge=0, description="bandwidth of all downloads of a process; 0: unlimited"
    )
    revisit_web: bool = Field(
        False, description="check at the start of a run whether files on the web changed"
    )
    stall_s: float = Field(
        30.0, gt=0, description="seconds without data after which a transfer is cut"
    )
    disk_reserve_mb: int = Field(1024, ge=0, description="disk space that downloads leave free")
    source_s3_endpoint: str = Field(
        "", description="S3 server of sources; empty: the store's server"
    )
    ytdlp_extractors: str = Field(
        "", description="sites that yt-dlp may read, by extractor name; empty: none"
    )
    decode_memory_mb: int = Field(4096, ge=256, description="memory limit for decoding a file")
    decode_s: float = Field(60.0, gt=0, description="time limit for opening a file")
    decode_s_per_s: float = Field(
        30.0, gt=0, description="additional time per second of sampled video"
    )
    decoder_jail: Literal["available", "required"] = Field(
        "available",
        description="what decoders run in: the jail that the kernel offers, or a whole one or not "
        "at all",
    )
    removebg_key: SecretStr = Field(
        SecretStr(""), description="API key of removebg; neither stored nor logged"
    )
    removebg_url: str = Field(
        "https://api.remove.bg/v1.0/removebg",
        # Without encryption on this machine only: the key goes with each request.
        pattern=r"^(https://|http://(127\.0\.0\.1|localhost)(:\d+)?/)",
        description="address of removebg",
    )
    device: str = Field("cpu", description="torch device of the models: cpu, cuda:0")

    @model_validator(mode="before")
    @classmethod
    def _fill_folders(cls, values: dict[str, object]) -> dict[str, object]:
        # Before validation: the default of each folder depends on `home`.
        home = _folder(values.get("home") or "matteflow-data")
        filled = dict(values) | {"home": home}
        # A workspace in a bucket is one setting for users, but two for the program: the bucket, and
        # the folder of this machine's copies.
        if str(filled.get("workspace") or "").startswith("s3://"):
            filled |= {"shared": filled["workspace"], "workspace": home / "workspace"}
        for name in ("workspace", "models", "scratch"):
            filled[name] = _folder(filled.get(name) or home / name)
        filled["store"] = filled.get("store") or (home / "store").as_uri()
        return filled


def _folder(path: object) -> Path:
    try:
        # Absolute, since flows and workers may start in other folders.
        return Path(str(path)).expanduser().absolute()
    except RuntimeError as error:  # `~user` without such a user
        raise ValueError(f"{path}: {error}") from error


@cache
def settings() -> Settings:
    """Read the settings once per process.

    Raises:
        InputError: a `MATTEFLOW_…` variable has an impossible value.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise InputError(
            explain_validation(error, "environment", Settings, "MATTEFLOW_")
        ) from error
