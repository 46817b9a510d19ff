"""What describes the machine rather than the dataset: read from `MATTEFLOW_…` variables."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.common.errors import InputError
from tasks.common.validation import explain_validation


class Settings(BaseSettings):
    """Folders, addresses and limits of this machine; none of them changes a dataset."""

    model_config = SettingsConfigDict(env_prefix="MATTEFLOW_", frozen=True, extra="ignore")

    home: Path = Field(Path("matteflow-data"), description="parent of the folders below")
    workspace: Path = Field(
        Path(), description="artifacts: a folder, default HOME/workspace, or s3://bucket/prefix"
    )
    shared: str = Field("", description="the bucket that the workspace is this machine's copy of")
    copy_gb: float = Field(
        50.0, gt=0, description="how much of a workspace in a bucket is kept on this machine"
    )
    store: str = Field("", description="object store address; default file://HOME/store")
    s3_endpoint: str = Field("", description="an S3 server's address; else AWS_ENDPOINT_URL_S3")
    store_connections: int = Field(16, ge=1, le=256, description="requests to the store at once")
    store_single_writer: bool = Field(
        False, description="publish also to a store that ignores conditions"
    )
    models: Path = Field(Path(), description="model weights; default HOME/models")
    scratch: Path = Field(
        Path(), description="unfinished downloads, on this machine; default HOME/scratch"
    )
    root_name: str = Field("Insta360SemanticSeg", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    sources_in_flight: int = Field(2, ge=1, le=64, description="sources worked on at once")
    batch_size: int = Field(
        60, ge=1, le=70, description="sources a flow run works on; longer lists are cut"
    )
    batches_at_once: int = Field(
        0, ge=0, description="of one run; 0 takes as many as its work pool has workers"
    )
    batch_patience_s: float = Field(
        60.0, ge=0, description="after which a run does itself the batches that no worker takes"
    )
    task_runner: Literal["threads", "dask"] = Field("threads", description="where tasks run")
    dask_address: str = Field("", description="of a Dask scheduler; empty starts one here")
    workspace_url: str = Field("", description="where browsers find the workspace, for links")
    store_url: str = Field("", description="where browsers find the store, for links")
    verify: Literal["digest", "size"] = Field(
        "digest", description="how cached artifacts are checked before they are trusted"
    )
    allow_networks: str = Field(
        "", description="networks beside the public ones that may be asked, such as 10.1.0.0/16"
    )
    downloads_per_host: int = Field(2, ge=1, le=64, description="transfers from one host at once")
    requests_per_s: float = Field(10.0, gt=0, description="requests to one host in a second")
    download_mb_per_s: float = Field(0.0, ge=0, description="of all downloads; 0 is no limit")
    revisit_web: bool = Field(
        False, description="ask each web address, at the start of a run, whether its file changed"
    )
    stall_s: float = Field(30.0, gt=0, description="silence after which a transfer is cut")
    disk_reserve_mb: int = Field(1024, ge=0, description="room that downloads leave on the disk")
    source_s3_endpoint: str = Field("", description="where s3: sources are; else as the store's")
    ytdlp_extractors: str = Field("", description="sites that yt-dlp may be used for; none")
    decode_memory_mb: int = Field(4096, ge=256, description="memory that decoding a file may take")
    decode_s: float = Field(60.0, gt=0, description="seconds that opening a file may take")
    decode_s_per_s: float = Field(
        30.0, gt=0, description="seconds that sampling a second of video may take"
    )
    device: str = Field("cpu", description="where models run, as torch names it: cpu, cuda:0")

    @model_validator(mode="before")
    @classmethod
    def _fill_folders(cls, values: dict[str, object]) -> dict[str, object]:
        home = _folder(values.get("home") or "matteflow-data")
        filled = dict(values) | {"home": home}
        if str(filled.get("workspace") or "").startswith("s3://"):
            filled |= {"shared": filled["workspace"], "workspace": home / "workspace"}
        for name in ("workspace", "models", "scratch"):
            filled[name] = _folder(filled.get(name) or home / name)
        filled["store"] = filled.get("store") or (home / "store").as_uri()
        return filled


def _folder(path: object) -> Path:
    try:
        return Path(str(path)).expanduser().absolute()
    except RuntimeError as error:
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
