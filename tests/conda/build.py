"""Builds the conda package of `.ci/conda/recipe.yaml`, and installs it into an empty prefix (by py-rattler-build, py-rattler).

    build.py WORK PROFILE TARGET

conda-forge's compilers are not reached: packages of their names that hold nothing stand for them, and this host's Rust and C
compiler do the work, in TARGET. Prints the prefix.
"""

import asyncio
import os
import sys
from pathlib import Path

import rattler
from rattler_build import Stage0Recipe, ToolConfiguration, VariantConfig
from rattler_build._rattler_build import EnvironmentIsolation

RECIPE = Path(__file__).resolve().parents[2] / ".ci/conda/recipe.yaml"
COMPILERS = ("rust_linux-64", "gcc_linux-64", "sysroot_linux-64")


def stand_ins(channel):
    for name in COMPILERS:
        recipe = {"schema_version": 1, "package": {"name": name, "version": "1"}, "about": {"license": "MIT"}}
        Stage0Recipe.from_dict(recipe).run_build(output_dir=channel, channels=[])


def build(work, channel, profile, target):
    """Of a copy of the repository: what lies beside it, results of builds among them, is left out."""
    os.environ["CARGO_TARGET_DIR"] = str(target)
    variants = {"cargo_profile": [profile], "c_compiler": ["gcc"], "c_stdlib": ["sysroot"], "rust_compiler": ["rust"]}
    built = Stage0Recipe.from_file(RECIPE).run_build(
        variant_config=VariantConfig(variants), output_dir=channel, channels=[channel.as_uri()],
        tool_config=ToolConfiguration(test_strategy="native"), env_isolation=EnvironmentIsolation.NONE)
    return built[0]


async def install(channel, prefix, work):
    platforms = [rattler.Platform.current(), rattler.Platform("noarch")]
    wanted = [rattler.MatchSpec("pyinquest")]
    records = await rattler.solve([rattler.Channel(channel.as_uri())], wanted, platforms=platforms,
                                  virtual_packages=rattler.VirtualPackage.detect())
    await rattler.install(records, prefix, cache_dir=work / "cache")
    return records


def main():
    work, profile, target = Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
    channel, prefix = work / "channel", work / "prefix"
    stand_ins(channel)
    build(work, channel, profile, target)
    records = asyncio.run(install(channel, prefix, work))
    print(len(records), prefix)


if __name__ == "__main__":
    main()
