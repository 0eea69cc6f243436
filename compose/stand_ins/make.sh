#!/bin/sh
# Make stand-ins for the images apache/airflow, postgres and redis where no registry can be reached: one Debian, made by
# debootstrap, with Debian's Python, PostgreSQL and Redis, and the packages of the Python environment that is given.
#
#   compose/stand_ins/make.sh .venv/bin/python      makes retrain-stand-in/airflow, …/postgres and …/redis; needs root
#
# What they show of docker-compose.yaml holds for its images as far as these are alike: commands, entrypoints, users, paths of
# volumes. They are not these images: other versions of PostgreSQL and Redis, and a Python that pip need not fill.
set -eu
here=$(dirname "$0")
packages=$("$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" | head -1)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

debootstrap --variant=minbase --include=python3,curl,ca-certificates,dumb-init,procps,redis-server,postgresql \
    "$suite" "$root" "$mirror"
if [ ! -x "$root/usr/bin/python$version" ]; then
    echo "$1 is Python $version, and $suite has another: its compiled packages would not run." >&2
    exit 1
fi
rm -f "$root/usr/lib/python$version/EXTERNALLY-MANAGED"
cp -r "$packages/." "$root/usr/local/lib/python$version/dist-packages/"
chmod -R a+rX "$root/usr/local/lib"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" # what this machine trusts: pip may lack a package or two
tar -C "$root" -c . | docker import - retrain-stand-in/debian
for image in airflow postgres redis; do
    docker build --quiet --target "$image" --tag "retrain-stand-in/$image" "$here"
done
