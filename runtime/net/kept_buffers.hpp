// SPDX-License-Identifier: Apache-2.0
// Each thread keeps the blocks of its buffers for use again.
#pragma once

namespace weir::net {

// Gives back those of this thread: before it ends, when nobody could any more.
void free_kept_buffers();

}  // namespace weir::net
