/* SPDX-License-Identifier: MIT
 *
 * The contract of the engine (contract.h), kept by the model 'fork' (S1).
 */
#include "contract.h"

const enum hark_model contract_model = HARK_MODEL_FORK;
