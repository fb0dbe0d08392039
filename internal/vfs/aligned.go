package vfs

import "unsafe"

// Aligned returns size bytes of zeroed memory that begins on a page boundary,
// as writes to a Direct file need it.
func Aligned(size int) []byte {
	buf := make([]byte, size+PageSize)
	skip := 0
	if off := address(buf) % PageSize; off != 0 {
		skip = int(PageSize - off)
	}
	return buf[skip : skip+size : skip+size]
}

func address(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }

func isAligned(p []byte, off int64) bool {
	return off%PageSize == 0 && len(p)%PageSize == 0 && address(p)%PageSize == 0
}
