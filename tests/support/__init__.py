# SPDX-License-Identifier: Apache-2.0
# What the end-to-end tests are made of: a proxy under test, scripted servers,
# raw clients and the runner of differential cases. Standard library only.
