#!/bin/sh
# Lesson 5, for an OCI image layout with one image: tar(1) and sha256sum(1).
set -e
for arg; do
	case $arg in
	--image=oci:*) blobs=${arg#--image=oci:}/blobs/sha256 index=${arg#--image=oci:}/index.json ;;
	--output=*) output=${arg#--output=} ;;
	esac
done
temp=$output.part
trap 'rm -rf "$temp"' EXIT
mkdir "$temp"

# The digests in a JSON text, from its first mention of a word on.
digests() { tr -d ' \n' <"$2" | sed "s/.*\"$1\":\[//; s/\].*//" | grep -o '"sha256:[0-9a-f]*"' | tr -d '"' | cut -d: -f2; }

for digest in $(digests layers "$blobs/$(digests manifests "$index")"); do
	if [ "$(sha256sum <"$blobs/$digest" | cut -d' ' -f1)" != "$digest" ]; then
		echo "layer $digest is not what its name says" >&2
		exit 1
	fi
	# Whiteouts first: they are about the layers below.
	tar -tzf "$blobs/$digest" | grep -E '(^|/)\.wh\.[^/]+$' | while read -r whiteout; do
		rm -rf "$temp/$(dirname "$whiteout")/$(basename "$whiteout" | sed 's/^\.wh\.//')"
	done
	tar -xzf "$blobs/$digest" -C "$temp" --exclude '.wh.*' --no-same-owner
done
mv -T "$temp" "$output"
echo "$output"
