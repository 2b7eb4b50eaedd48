package photo

import "encoding/binary"

// maxTIFF is what is looked at of a block of EXIF. A JPEG has no longer one.
const maxTIFF = 64 << 10

const (
	tagOrientation = 0x0112
	typeShort      = 3
	entrySize      = 12
)

// orientation reads the one thing that is kept of EXIF, which is a TIFF file (TIFF
// 6.0): 1 where it is not said, or not so that it can be read.
func orientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
	default:
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entrySize {
			return 1
		}
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort && order.Uint32(entries[4:]) == 1 {
			if n := int(order.Uint16(entries[8:])); n >= 1 && n <= 8 {
				return n
			}
			return 1
		}
		entries = entries[entrySize:]
	}
	return 1
}

// onlyOrientation is EXIF that says nothing else.
func onlyOrientation(n int) []byte {
	return []byte{
		'M', 'M', 0, '*', 0, 0, 0, 8, // big endian, the directory follows at once
		0, 1, // with one entry
		tagOrientation >> 8, tagOrientation & 0xFF, 0, typeShort, 0, 0, 0, 1, 0, byte(n), 0, 0,
		0, 0, 0, 0, // and no second directory
	}
}
