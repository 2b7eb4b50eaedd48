package bucket

import (
	"crypto/sha256"
	"encoding/hex"
)

// maxPlainName is under the 255 bytes that services which keep objects in files
// take for a part of a name, and with a prefix under the 1,024 of S3.
const maxPlainName = 128

// objectKey is what the object of a blob is called: like the blob, or by its
// SHA-256 if that is long. No blob's name has a '~'.
func objectKey(name string) string {
	if len(name) <= maxPlainName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "~" + hex.EncodeToString(sum[:])
}
