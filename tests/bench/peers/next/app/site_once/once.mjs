import { cache } from 'react';
import { protect } from '../../site.mjs';

export const protectOnce = cache(protect);
