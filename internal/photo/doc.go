// Package photo takes out of a photo what it tells besides the picture: where and
// when it was taken, with which device, by whom, and the small picture of what was
// cut away. The picture itself is not decoded, and not one pixel changes.
//
// [Stripper] does it to JPEG, PNG and WebP as the bytes go by. Every other format,
// HEIC among them, passes unchanged, and [Stripper.Format] says so. Who keeps the
// metadata on purpose does not call it.
package photo
