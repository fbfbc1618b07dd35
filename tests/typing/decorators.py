import pxw
